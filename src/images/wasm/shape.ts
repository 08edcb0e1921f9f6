/** Colours of another profile to sRGB's, in place. */

/**
 * @param sums of each channel, for each of 256 values, what it adds to red, green, blue and nothing: int32, 28 bits behind the point
 * @param curve for each of 16385 sums with 14 bits behind the point, 8 bits
 */
export function shapeColours(at: usize, pixels: i32, sums: usize, curve: usize): void {
  const end = at + pixels * 3;
  const most = i32x4.splat(16384);
  while (at < end) {
    const red = v128.load(sums + ((<usize>load<u8>(at)) << 4));
    const green = v128.load(sums + ((<usize>load<u8>(at, 1)) << 4), 4096);
    const blue = v128.load(sums + ((<usize>load<u8>(at, 2)) << 4), 8192);
    const sum = i32x4.shr_s(i32x4.add(i32x4.add(red, green), blue), 14);
    const light = i32x4.min_s(i32x4.max_s(sum, i32x4.splat(0)), most);
    store<u8>(at, load<u8>(curve + <usize>i32x4.extract_lane(light, 0)), 0);
    store<u8>(at, load<u8>(curve + <usize>i32x4.extract_lane(light, 1)), 1);
    store<u8>(at, load<u8>(curve + <usize>i32x4.extract_lane(light, 2)), 2);
    at += 3;
  }
}

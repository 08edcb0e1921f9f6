/** Pixels to three numbers each, by the tables of 256 float32 behind `tables`. */

export function lookUpGray(from: usize, pixels: i32, tables: usize, to: usize): void {
  const end = from + pixels;
  while (from < end) {
    const entry = tables + ((<usize>load<u8>(from)) << 2);
    store<f32>(to, load<f32>(entry), 0);
    store<f32>(to, load<f32>(entry, 1024), 4);
    store<f32>(to, load<f32>(entry, 2048), 8);
    from += 1;
    to += 12;
  }
}

/** Of pixels of three channels: those at `first`, `second` and `third` (0 … 2). */
export function lookUpColours(
  from: usize,
  pixels: i32,
  first: i32,
  second: i32,
  third: i32,
  tables: usize,
  to: usize,
): void {
  const end = from + pixels * 3;
  while (from < end) {
    store<f32>(to, load<f32>(tables + ((<usize>load<u8>(from + first)) << 2)), 0);
    store<f32>(to, load<f32>(tables + ((<usize>load<u8>(from + second)) << 2), 1024), 4);
    store<f32>(to, load<f32>(tables + ((<usize>load<u8>(from + third)) << 2), 2048), 8);
    from += 3;
    to += 12;
  }
}

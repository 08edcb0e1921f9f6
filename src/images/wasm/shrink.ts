/**
 * Making smaller by libvips' arithmetic: weights of 12 bits, sums of 32, each direction rounded to 8 bits. A pair of weights stands in one
 * int32, the first below.
 */

const HALF: i32 = 1 << 11;

/**
 * Rows mixed down, to as many as `count` says.
 * @param rows int32 addresses [count, 2·pairs]
 * @param weights [count, pairs]
 */
export function shrinkDown(rows: usize, weights: usize, pairs: i32, to: usize, samples: i32, count: i32): void {
  for (let row = 0; row < count; row++) {
    for (let x = 0; x < samples; x += 16) {
      let sum0 = i32x4.splat(HALF);
      let sum1 = sum0;
      let sum2 = sum0;
      let sum3 = sum0;
      for (let pair = 0; pair < pairs; pair++) {
        const weight = v128.load32_splat(weights + (pair << 2));
        const upper = v128.load(<usize>load<u32>(rows + (pair << 3)) + x);
        const lower = v128.load(<usize>load<u32>(rows + (pair << 3), 4) + x);
        const low = v128.shuffle<i8>(upper, lower, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const high = v128.shuffle<i8>(upper, lower, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        sum0 = i32x4.add(sum0, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(low), weight));
        sum1 = i32x4.add(sum1, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(low), weight));
        sum2 = i32x4.add(sum2, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(high), weight));
        sum3 = i32x4.add(sum3, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(high), weight));
      }
      const low = i16x8.narrow_i32x4_s(i32x4.shr_s(sum0, 12), i32x4.shr_s(sum1, 12));
      const high = i16x8.narrow_i32x4_s(i32x4.shr_s(sum2, 12), i32x4.shr_s(sum3, 12));
      v128.store(to + x, i8x16.narrow_i16x8_u(low, high));
    }
    rows += pairs << 3;
    weights += pairs << 2;
    to += samples;
  }
}

/**
 * Rows of pixels of three samples mixed across, one behind the other.
 * @param places int32 offsets of the first byte of what each new pixel is mixed of
 * @param weights [width, pairs]
 */
export function shrinkAcross3(
  from: usize,
  rowBytes: usize,
  rows: i32,
  places: usize,
  weights: usize,
  pairs: i32,
  to: usize,
  width: i32,
): void {
  // Two pixels to pairs of red, green and blue; places from 16 on become zero.
  const two = i8x16(0, 16, 3, 16, 1, 16, 4, 16, 2, 16, 5, 16, 16, 16, 16, 16);
  for (let row = 0; row < rows; row++) {
    let weight = weights;
    for (let x = 0; x < width; x++) {
      let pixels = from + <usize>load<i32>(places + (x << 2));
      let sum = i32x4.splat(HALF);
      const end = weight + (pairs << 2);
      while (weight < end) {
        sum = i32x4.add(
          sum,
          i32x4.dot_i16x8_s(i8x16.swizzle(v128.load64_zero(pixels), two), v128.load32_splat(weight)),
        );
        pixels += 6;
        weight += 4;
      }
      const narrow = i16x8.narrow_i32x4_s(i32x4.shr_s(sum, 12), sum);
      v128.store32_lane(to, i8x16.narrow_i16x8_u(narrow, narrow), 0);
      to += 3;
    }
    from += rowBytes;
  }
}

/** The same for pixels of one sample. */
export function shrinkAcross1(
  from: usize,
  rowBytes: usize,
  rows: i32,
  places: usize,
  weights: usize,
  pairs: i32,
  to: usize,
  width: i32,
): void {
  for (let row = 0; row < rows; row++) {
    let weight = weights;
    for (let x = 0; x < width; x++) {
      let pixels = from + <usize>load<i32>(places + (x << 2));
      let sum = HALF;
      const end = weight + (pairs << 2);
      while (weight < end) {
        sum += <i32>load<u8>(pixels) * <i32>load<i16>(weight) + <i32>load<u8>(pixels, 1) * <i32>load<i16>(weight, 2);
        pixels += 2;
        weight += 4;
      }
      store<u8>(to++, <u8>min(max(sum >> 12, 0), 255));
    }
    from += rowBytes;
  }
}

/** Every `step` rows to their mean, the last row standing for those beyond it. At most 256 of them: sums of 16 bits. */
export function averageDown(from: usize, samples: i32, rows: i32, step: i32, to: usize): void {
  const factor = i32x4.splat((1 << 24) / step);
  const half = i32x4.splat(step >> 1);
  for (let row = 0; row < rows; row += step) {
    for (let x = 0; x < samples; x += 8) {
      let sum = i64x2.splat(0);
      for (let i = row; i < row + step; i++)
        sum = i16x8.add(sum, v128.load8x8_u(from + <usize>(min(i, rows - 1) * samples + x)));
      const low = i32x4.mul(i32x4.add(i32x4.extend_low_i16x8_u(sum), half), factor);
      const high = i32x4.mul(i32x4.add(i32x4.extend_high_i16x8_u(sum), half), factor);
      const means = i16x8.narrow_i32x4_s(i32x4.shr_u(low, 24), i32x4.shr_u(high, 24));
      v128.store64_lane(to + x, i8x16.narrow_i16x8_u(means, means), 0);
    }
    to += samples;
  }
}

/** Every `step` pixels of each row to their mean, the last pixel standing for those beyond it. */
export function averageAcross(from: usize, width: i32, channels: i32, rows: i32, step: i32, to: usize): void {
  const factor: u32 = (1 << 24) / <u32>step;
  for (let row = 0; row < rows; row++) {
    for (let x = 0; x < width; x += step) {
      for (let channel = 0; channel < channels; channel++) {
        let sum: u32 = step >> 1;
        for (let i = x; i < x + step; i++) sum += <u32>load<u8>(from + <usize>(min(i, width - 1) * channels + channel));
        store<u8>(to++, <u8>((sum * factor) >> 24));
      }
    }
    from += width * channels;
  }
}

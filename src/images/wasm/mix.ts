/** Pixels mixed of others. Sums are of 64 bits, what is kept of them of 32: the same bits on every machine. */

/** Rows mixed across, `rows` times: to[i] = Σ weights[i·taps + t] · from[places[i·taps + t]], in float32. from: uint8; places: int32; weights: float64 */
export function mixAcross(
  from: usize,
  rowBytes: usize,
  rows: i32,
  places: usize,
  weights: usize,
  taps: i32,
  to: usize,
  samples: i32,
): void {
  for (let row = 0; row < rows; row++) {
    let place = places;
    let weight = weights;
    for (let sample = 0; sample < samples; sample++) {
      let sum: f64 = 0;
      for (let tap = 0; tap < taps; tap++) {
        sum += load<f64>(weight) * <f64>load<u8>(from + <usize>load<i32>(place));
        place += 4;
        weight += 8;
      }
      store<f32>(to, <f32>sum);
      to += 4;
    }
    from += rowBytes;
  }
}

/**
 * Rows mixed down, to as many as `count` says: to[i] = Σ weights[t] · float32 at rows[t] + 4·i, rounded to the even one of equals, and clamped
 * to 0 … 255. Each has `taps` addresses (int32) and weights (float64) of its own. Up to three samples beyond the last are read and written.
 */
export function mixDown(rows: usize, weights: usize, taps: i32, to: usize, samples: i32, count: i32): void {
  for (let row = 0; row < count; row++) {
    for (let x = 0; x < samples; x += 4) {
      let sum = f32x4.splat(0);
      for (let tap = 0; tap < taps; tap++) {
        const weight = v128.load64_splat(weights + (tap << 3));
        const from = v128.load(<usize>load<i32>(rows + (tap << 2)) + (x << 2));
        const low = weighed(sum, from, weight);
        const high = weighed(upperHalf(sum), upperHalf(from), weight);
        sum = v128.shuffle<i64>(low, high, 0, 2);
      }
      // Narrowing clamps: to 16 bits with a sign, then to 8 without.
      const whole = i32x4.trunc_sat_f32x4_s(f32x4.nearest(sum));
      const narrow = i16x8.narrow_i32x4_s(whole, whole);
      v128.store32_lane(to + x, i8x16.narrow_i16x8_u(narrow, narrow), 0);
    }
    rows += taps << 2;
    weights += taps << 3;
    to += samples;
  }
}

function upperHalf(four: v128): v128 {
  return v128.shuffle<i64>(four, four, 1, 1);
}

/** The lower two of float32 `sum` and `from`. */
function weighed(sum: v128, from: v128, weight: v128): v128 {
  const product = f64x2.mul(weight, f64x2.promote_low_f32x4(from));
  return f32x4.demote_f64x2_zero(f64x2.add(f64x2.promote_low_f32x4(sum), product));
}

/**
 * From luminance and two chrominances to red, green and blue (ITU-T T.871), in the fixed point of libjpeg: products rounded to whole numbers
 * in 16 bits. Chrominance at half the resolution is first spread by libjpeg's triangle filter: three quarters of the nearer sample and one
 * quarter of the one beyond it.
 */

/** A row of `width` pixels; up to 15 more are read and written. */
export function toRgb(luma: usize, blue: usize, red: usize, to: usize, width: i32): void {
  const middle = i16x8.splat(128);
  for (let x = 0; x < width; x += 16) {
    const y = v128.load(luma + x);
    const cb = v128.load(blue + x);
    const cr = v128.load(red + x);
    const y0 = i16x8.extend_low_i8x16_u(y);
    const y1 = i16x8.extend_high_i8x16_u(y);
    const cb0 = i16x8.sub(i16x8.extend_low_i8x16_u(cb), middle);
    const cb1 = i16x8.sub(i16x8.extend_high_i8x16_u(cb), middle);
    const cr0 = i16x8.sub(i16x8.extend_low_i8x16_u(cr), middle);
    const cr1 = i16x8.sub(i16x8.extend_high_i8x16_u(cr), middle);
    const r = i8x16.narrow_i16x8_u(i16x8.add(y0, redOf(cr0)), i16x8.add(y1, redOf(cr1)));
    const g = i8x16.narrow_i16x8_u(i16x8.add(y0, greenOf(cb0, cr0)), i16x8.add(y1, greenOf(cb1, cr1)));
    const b = i8x16.narrow_i16x8_u(i16x8.add(y0, blueOf(cb0)), i16x8.add(y1, blueOf(cb1)));
    // Sixteen reds, greens and blues to sixteen pixels.
    const rg0 = v128.shuffle<i8>(r, g, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
    const rg1 = v128.shuffle<i8>(r, g, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
    const rg2 = v128.shuffle<i8>(r, g, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
    const out = to + x * 3;
    v128.store(out, v128.shuffle<i8>(rg0, b, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15), 0);
    v128.store(out, v128.shuffle<i8>(rg1, b, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15), 16);
    v128.store(out, v128.shuffle<i8>(rg2, b, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31), 32);
  }
}

/** 1.402·Cr: rounded as (91881·Cr + 32768) >> 16 rounds. 26345.5 / 2 stands for 91881 − 65536: equal for all 256 values. */
function redOf(cr: v128): v128 {
  return i16x8.add(cr, i16x8.q15mulr_sat_s(cr, i16x8.splat(13173)));
}

/** 1.772·Cb: (116130·Cb + 32768) >> 16, with −7471 · 2 for 116130 − 2 · 65536. */
function blueOf(cb: v128): v128 {
  return i16x8.add(i16x8.add(cb, cb), i16x8.q15mulr_sat_s(cb, i16x8.splat(-7471)));
}

/** −0.34414·Cb − 0.71414·Cr: (−22554·Cb − 46802·Cr + 32768) >> 16, with 18734 for 65536 − 46802. */
function greenOf(cb: v128, cr: v128): v128 {
  const factors = i32x4.splat((-22554 & 0xffff) | (18734 << 16));
  const half = i32x4.splat(32768);
  const low = i32x4.dot_i16x8_s(v128.shuffle<i16>(cb, cr, 0, 8, 1, 9, 2, 10, 3, 11), factors);
  const high = i32x4.dot_i16x8_s(v128.shuffle<i16>(cb, cr, 4, 12, 5, 13, 6, 14, 7, 15), factors);
  const sum = i16x8.narrow_i32x4_s(i32x4.shr_s(i32x4.add(low, half), 16), i32x4.shr_s(i32x4.add(high, half), 16));
  return i16x8.sub(sum, cr);
}

/** A row of twice as many samples. The samples before the first and behind the last are read: they should be equal to those. */
export function spreadAcross(from: usize, to: usize, samples: i32): void {
  for (let x = 0; x < samples; x += 8) {
    const here = v128.load64_zero(from + x);
    const three = i16x8.mul(i16x8.extend_low_i8x16_u(here), i16x8.splat(3));
    const before = v128.load8x8_u(from + x - 1);
    const behind = v128.load8x8_u(from + x + 1);
    const left = i16x8.shr_u(i16x8.add(i16x8.add(three, before), i16x8.splat(1)), 2);
    const right = i16x8.shr_u(i16x8.add(i16x8.add(three, behind), i16x8.splat(2)), 2);
    v128.store(to + (x << 1), v128.or(left, i16x8.shl(right, 8)));
  }
}

/** The same with a row of another line mixed in, one quarter of it. */
export function spreadBoth(near: usize, far: usize, to: usize, samples: i32): void {
  for (let x = 0; x < samples; x += 8) {
    const here = mixed(near + x, far + x);
    const three = i16x8.mul(here, i16x8.splat(3));
    const before = mixed(near + x - 1, far + x - 1);
    const behind = mixed(near + x + 1, far + x + 1);
    const left = i16x8.shr_u(i16x8.add(i16x8.add(three, before), i16x8.splat(8)), 4);
    const right = i16x8.shr_u(i16x8.add(i16x8.add(three, behind), i16x8.splat(7)), 4);
    v128.store(to + (x << 1), v128.or(left, i16x8.shl(right, 8)));
  }
}

function mixed(near: usize, far: usize): v128 {
  return i16x8.add(i16x8.mul(v128.load8x8_u(near), i16x8.splat(3)), v128.load8x8_u(far));
}

/** A row between two, nearer to one. @param bias 1 for the upper of two new rows, 2 for the lower */
export function spreadDown(near: usize, far: usize, to: usize, samples: i32, bias: i32): void {
  for (let x = 0; x < samples; x += 16) {
    const low = i16x8.shr_u(i16x8.add(mixed(near + x, far + x), i16x8.splat(<i16>bias)), 2);
    const high = i16x8.shr_u(i16x8.add(mixed(near + x + 8, far + x + 8), i16x8.splat(<i16>bias)), 2);
    v128.store(to + x, i8x16.narrow_i16x8_u(low, high));
  }
}

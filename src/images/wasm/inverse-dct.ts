/**
 * The inverse cosine transform of 8×8 coefficients, in the integers of libjpeg's "islow": Loeffler, Ligtenberg and Moschytz, "Practical fast
 * 1-D DCT algorithms with 11 multiplications", 1989, with constants of 13 bits and 2 bits kept between the passes. Their sums of products are
 * multiplied out here, pair by pair, which gives the same integers.
 */

/** Two passes' sums: [8 outputs][2 halves of four lanes] int32. */
const sums: usize = memory.data(256, 16);

/** The 16-bit place of each coefficient in zigzag order: rows 0 and 4, 2 and 6, 1 and 3, 5 and 7 alternate, columns 0 4 2 6 and 1 3 5 7 are together. */
const zigzag: usize = memory.data<u8>([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
  55, 62, 63,
]);
const pairOf: usize = memory.data<u8>([0, 4, 2, 5, 1, 6, 3, 7]);
const laneOf: usize = memory.data<u8>([0, 0, 2, 1, 1, 2, 3, 3]);

/** For each zigzag place, how many bytes into a block its coefficient lies. A run that leaves the block may go 16 places too far. */
export const placesInBlock: usize = memory.data(64 + 16);
export const BLOCK_BYTES: i32 = 128 + 16;

/** Of a table, each in a block's order: 64 quanta, and what a coefficient may be before the product leaves 15 bits; then whether it can. */
export const QUANTIZATION_BYTES: i32 = 128 + 128 + 16;
const LIMITS: usize = 128;
const COARSE: usize = 256;
/** What 15 bits and less hold: implementations differ beyond it. */
export const MOST: i32 = 16383;
/** Coefficients but the first have 10 bits. */
const MOST_COEFFICIENT: i32 = 1023;

function fillPlaces(): void {
  for (let place = 0; place < 64; place++) {
    const natural = <i32>load<u8>(zigzag + place);
    const pair = <i32>load<u8>(pairOf + (natural >> 3));
    const column = natural & 7;
    const at = (pair >> 1) * 16 + (column & 1) * 8 + <i32>load<u8>(laneOf + column) * 2 + (pair & 1);
    store<u8>(placesInBlock + place, at << 1);
  }
  for (let place = 64; place < 80; place++) store<u8>(placesInBlock + place, 128);
}

/** Makes a table of its 64 bytes in zigzag order. */
export function buildQuantization(from: usize, to: usize): void {
  fillPlaces();
  store<i32>(to, 0, COARSE);
  for (let place = 0; place < 64; place++) {
    const quantum = <i32>load<u8>(from + place);
    const at = to + <usize>load<u8>(placesInBlock + place);
    store<i16>(at, <i16>quantum);
    store<i16>(at, <i16>(quantum > 0 ? MOST / quantum : MOST), LIMITS);
    if (quantum * MOST_COEFFICIENT > MOST) store<i32>(to, 1, COARSE);
  }
}

/** Whether a product of a coefficient and its quantum leaves 15 bits. */
function leaves(block: usize, quantization: usize): bool {
  let found = i64x2.splat(0);
  for (let i: usize = 0; i < 128; i += 16)
    found = v128.or(found, i16x8.gt_u(i16x8.abs(v128.load(block + i)), v128.load(quantization + i, LIMITS)));
  return v128.any_true(found);
}

/** One pass over four lanes: pairs of inputs at 0, `step` … bytes, outputs at `to` 32 bytes apart. */
function transform(x04: v128, x26: v128, x13: v128, x57: v128, bias: v128, shift: i32, to: usize): void {
  const even0 = i32x4.add(i32x4.dot_i16x8_s(x04, i32x4.splat(8192 | (8192 << 16))), bias);
  const even1 = i32x4.add(i32x4.dot_i16x8_s(x04, i32x4.splat(8192 | (-8192 << 16))), bias);
  const even2 = i32x4.dot_i16x8_s(x26, i32x4.splat(4433 | (-10704 << 16)));
  const even3 = i32x4.dot_i16x8_s(x26, i32x4.splat(10703 | (4433 << 16)));
  const odd3 = i32x4.add(
    i32x4.dot_i16x8_s(x13, i32x4.splat(11363 | (9633 << 16))),
    i32x4.dot_i16x8_s(x57, i32x4.splat(6437 | (2260 << 16))),
  );
  const odd2 = i32x4.add(
    i32x4.dot_i16x8_s(x13, i32x4.splat(9633 | (-2259 << 16))),
    i32x4.dot_i16x8_s(x57, i32x4.splat((-11362 & 0xffff) | (-6436 << 16))),
  );
  const odd1 = i32x4.add(
    i32x4.dot_i16x8_s(x13, i32x4.splat(6437 | (-11362 << 16))),
    i32x4.dot_i16x8_s(x57, i32x4.splat(2261 | (9633 << 16))),
  );
  const odd0 = i32x4.add(
    i32x4.dot_i16x8_s(x13, i32x4.splat(2260 | (-6436 << 16))),
    i32x4.dot_i16x8_s(x57, i32x4.splat(9633 | (-11363 << 16))),
  );
  const a = i32x4.add(even0, even3);
  const d = i32x4.sub(even0, even3);
  const b = i32x4.add(even1, even2);
  const c = i32x4.sub(even1, even2);
  v128.store(to, i32x4.shr_s(i32x4.add(a, odd3), shift), 0);
  v128.store(to, i32x4.shr_s(i32x4.add(b, odd2), shift), 32);
  v128.store(to, i32x4.shr_s(i32x4.add(c, odd1), shift), 64);
  v128.store(to, i32x4.shr_s(i32x4.add(d, odd0), shift), 96);
  v128.store(to, i32x4.shr_s(i32x4.sub(d, odd0), shift), 128);
  v128.store(to, i32x4.shr_s(i32x4.sub(c, odd1), shift), 160);
  v128.store(to, i32x4.shr_s(i32x4.sub(b, odd2), shift), 192);
  v128.store(to, i32x4.shr_s(i32x4.sub(a, odd3), shift), 224);
}

/** Output `row` of the last pass: eight lanes of 16 bits. */
function narrowed(row: i32): v128 {
  return i16x8.narrow_i32x4_s(v128.load(sums + (row << 5)), v128.load(sums + (row << 5), 16));
}

/** The second pass over rows `from` … `from` + 3: a row holds columns 0 4, 2 6, 1 3, 5 7. */
function transformRows(r0: v128, r1: v128, r2: v128, r3: v128, to: usize): void {
  const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5);
  const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
  const high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
  transform(
    v128.shuffle<i64>(low01, low23, 0, 2),
    v128.shuffle<i64>(low01, low23, 1, 3),
    v128.shuffle<i64>(high01, high23, 0, 2),
    v128.shuffle<i64>(high01, high23, 1, 3),
    // Half of what is shifted out, and the middle of the samples' range.
    i32x4.splat((1 << 17) + (128 << 18)),
    18,
    to,
  );
}

/** The larger magnitude, lane by lane. */
function larger(a: v128, b: v128): v128 {
  return i16x8.max_u(i16x8.abs(a), i16x8.abs(b));
}

/** Eight coefficients times their quanta. */
function scaled(block: usize, quantization: usize): v128 {
  return i16x8.mul(v128.load(block), v128.load(quantization));
}

/** The first pass over every other column. */
function transformColumns(block: usize, quantization: usize, to: usize): void {
  transform(
    scaled(block, quantization),
    scaled(block + 32, quantization + 32),
    scaled(block + 64, quantization + 64),
    scaled(block + 96, quantization + 96),
    i32x4.splat(1 << 10),
    11,
    to,
  );
}

/**
 * Writes the 8×8 samples of a block times its quantization, rows `stride` bytes apart.
 * @returns false where a value leaves 15 bits before or between the passes: implementations differ there
 */
export function inverseDct(block: usize, quantization: usize, to: usize, stride: usize): bool {
  if (load<i32>(quantization, COARSE) !== 0 && leaves(block, quantization)) return false;
  transformColumns(block, quantization, sums);
  transformColumns(block + 16, quantization + 16, sums + 16);
  const r0 = narrowed(0);
  const r1 = narrowed(1);
  const r2 = narrowed(2);
  const r3 = narrowed(3);
  const r4 = narrowed(4);
  const r5 = narrowed(5);
  const r6 = narrowed(6);
  const r7 = narrowed(7);
  const most = i16x8.max_u(i16x8.max_u(larger(r0, r1), larger(r2, r3)), i16x8.max_u(larger(r4, r5), larger(r6, r7)));
  if (v128.any_true(i16x8.gt_u(most, i16x8.splat(<i16>MOST)))) return false;
  transformRows(r0, r1, r2, r3, sums);
  transformRows(r4, r5, r6, r7, sums + 16);
  // Columns to rows, bytes by then.
  const c04 = i8x16.narrow_i16x8_u(narrowed(0), narrowed(4));
  const c15 = i8x16.narrow_i16x8_u(narrowed(1), narrowed(5));
  const c26 = i8x16.narrow_i16x8_u(narrowed(2), narrowed(6));
  const c37 = i8x16.narrow_i16x8_u(narrowed(3), narrowed(7));
  const c02 = lowBytes(c04, c26);
  const c46 = highBytes(c04, c26);
  const c13 = lowBytes(c15, c37);
  const c57 = highBytes(c15, c37);
  const left03 = lowBytes(c02, c13);
  const left47 = highBytes(c02, c13);
  const right03 = lowBytes(c46, c57);
  const right47 = highBytes(c46, c57);
  storeTwo(v128.shuffle<i32>(left03, right03, 0, 4, 1, 5), to, stride);
  storeTwo(v128.shuffle<i32>(left03, right03, 2, 6, 3, 7), to + 2 * stride, stride);
  storeTwo(v128.shuffle<i32>(left47, right47, 0, 4, 1, 5), to + 4 * stride, stride);
  storeTwo(v128.shuffle<i32>(left47, right47, 2, 6, 3, 7), to + 6 * stride, stride);
  return true;
}

function lowBytes(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

function highBytes(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

function storeTwo(rows: v128, to: usize, stride: usize): void {
  v128.store64_lane(to, rows, 0);
  v128.store64_lane(to + stride, rows, 1);
}

/** The samples of a block that has nothing but its mean. */
export function flatBlock(mean: i32, to: usize, stride: usize): void {
  const sample = min(max(((mean + 4) >> 3) + 128, 0), 255);
  const row = i8x16.splat(<i8>sample);
  for (let y = 0; y < 8; y++) {
    v128.store64_lane(to, row, 0);
    to += stride;
  }
}

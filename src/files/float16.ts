/** IEEE 754 binary16, which Node 20 has no typed array for. Numbers are kept as their bits in a Uint16Array. */

/** The greatest finite half. */
export const FLOAT16_MAX = 65504;

const bits = new Uint32Array(1);
const value = new Float32Array(bits.buffer);
let table: Float32Array | undefined;

/**
 * Bits of the half nearest to a float32, ties to even. Beyond ±65504 it saturates instead of becoming infinite, so that one
 * large feature cannot spoil a training; infinities and NaN stay what they are.
 */
export function float16Bits(number: number): number {
  value[0] = number;
  const word = bits[0] ?? 0;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude === 0x7f800000) return sign | 0x7c00;
  // 65519.996 and less round to 65504.
  if (magnitude >= 0x477fe000) return sign | 0x7bff;
  if (magnitude >= 0x38800000) {
    // Normal half: rebias the exponent from 127 to 15, round away 13 bits of the mantissa.
    const rebiased = magnitude - 0x38000000;
    return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13);
  }
  // Subnormal half: a multiple of 2^-24. Float64 represents the quotient exactly.
  const quotient = Math.abs(value[0] ?? 0) * 2 ** 24;
  const floor = Math.floor(quotient);
  const rest = quotient - floor;
  return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
}

/** The number that 16 bits stand for. */
export function float16Value(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export function encodeFloat16(numbers: Float32Array): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) halves[i] = float16Bits(numbers[i] ?? 0);
  return halves;
}

/** Writes the numbers of `halves` to the start of `into`. */
export function decodeFloat16(halves: Uint16Array, into: Float32Array): void {
  table ??= Float32Array.from({ length: 65536 }, (_, half) => float16Value(half));
  for (let i = 0; i < halves.length; i++) into[i] = table[halves[i] ?? 0] ?? 0;
}

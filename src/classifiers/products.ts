/**
 * The two products of a fit, in float64: rows times weights, and residuals times rows. Four rows and two weight vectors are
 * held in registers at once; sums run in a fixed order, so that equal input gives equal bits.
 */
import type { DesignChunk } from './design.ts';

/**
 * `out[r, v] = Σ_j rows[r, j] · weights[v, j]`.
 * @param weights `[vectors, weightStride]`
 * @param out `[count, vectors]`, overwritten
 */
export function rowProducts(
  { numbers, count, stride, width }: DesignChunk,
  weights: Float64Array,
  weightStride: number,
  vectors: number,
  out: Float64Array,
): void {
  let row = 0;
  for (; row + 4 <= count; row += 4) {
    let vector = 0;
    for (; vector + 2 <= vectors; vector += 2)
      fourByTwo(
        numbers,
        row * stride,
        stride,
        width,
        weights,
        vector * weightStride,
        weightStride,
        out,
        row,
        vector,
        vectors,
      );
    if (vector < vectors)
      fourByOne(numbers, row * stride, stride, width, weights, vector * weightStride, out, row, vector, vectors);
  }
  for (; row < count; row++) {
    for (let vector = 0; vector < vectors; vector++) {
      let sum = 0;
      for (let j = 0; j < width; j++)
        sum += (numbers[row * stride + j] ?? 0) * (weights[vector * weightStride + j] ?? 0);
      out[row * vectors + vector] = sum;
    }
  }
}

function fourByTwo(
  x: Float64Array,
  at: number,
  stride: number,
  width: number,
  w: Float64Array,
  wAt: number,
  wStride: number,
  out: Float64Array,
  row: number,
  vector: number,
  vectors: number,
): void {
  let [s00, s01, s10, s11, s20, s21, s30, s31] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let j = 0; j < width; j++) {
    const w0 = w[wAt + j] ?? 0;
    const w1 = w[wAt + wStride + j] ?? 0;
    const x0 = x[at + j] ?? 0;
    const x1 = x[at + stride + j] ?? 0;
    const x2 = x[at + 2 * stride + j] ?? 0;
    const x3 = x[at + 3 * stride + j] ?? 0;
    s00 += x0 * w0;
    s01 += x0 * w1;
    s10 += x1 * w0;
    s11 += x1 * w1;
    s20 += x2 * w0;
    s21 += x2 * w1;
    s30 += x3 * w0;
    s31 += x3 * w1;
  }
  const o = row * vectors + vector;
  out[o] = s00;
  out[o + 1] = s01;
  out[o + vectors] = s10;
  out[o + vectors + 1] = s11;
  out[o + 2 * vectors] = s20;
  out[o + 2 * vectors + 1] = s21;
  out[o + 3 * vectors] = s30;
  out[o + 3 * vectors + 1] = s31;
}

function fourByOne(
  x: Float64Array,
  at: number,
  stride: number,
  width: number,
  w: Float64Array,
  wAt: number,
  out: Float64Array,
  row: number,
  vector: number,
  vectors: number,
): void {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let j = 0; j < width; j++) {
    const w0 = w[wAt + j] ?? 0;
    s0 += (x[at + j] ?? 0) * w0;
    s1 += (x[at + stride + j] ?? 0) * w0;
    s2 += (x[at + 2 * stride + j] ?? 0) * w0;
    s3 += (x[at + 3 * stride + j] ?? 0) * w0;
  }
  const o = row * vectors + vector;
  out[o] = s0;
  out[o + vectors] = s1;
  out[o + 2 * vectors] = s2;
  out[o + 3 * vectors] = s3;
}

/**
 * `sums[v, j] += Σ_r residuals[r, v] · rows[r, j]`.
 * @param residuals `[count, vectors]`
 * @param sums `[vectors, sumStride]`
 */
export function addWeightedRows(
  { numbers, count, stride, width }: DesignChunk,
  residuals: Float64Array,
  vectors: number,
  sums: Float64Array,
  sumStride: number,
): void {
  const factors = new Float64Array(8);
  for (let row = 0; row < count; row += 4) {
    const rows = Math.min(4, count - row);
    // Rows beyond the last one count nothing, and stand where there are numbers.
    const at = (i: number) => (row + Math.min(i, rows - 1)) * stride;
    for (let vector = 0; vector < vectors; vector += 2) {
      const pair = Math.min(2, vectors - vector);
      let any = false;
      for (let i = 0; i < 8; i++) {
        const known = i % 4 < rows && i >> 2 < pair;
        const factor = known ? (residuals[(row + (i % 4)) * vectors + vector + (i >> 2)] ?? 0) : 0;
        factors[i] = factor;
        any ||= factor !== 0;
      }
      // Rows without a residual are many: those that a hinge does not reach, those of another fold.
      if (!any) continue;
      const to = vector * sumStride;
      if (pair === 2) addToTwo(numbers, at(0), at(1), at(2), at(3), width, factors, sums, to, to + sumStride);
      else addToOne(numbers, at(0), at(1), at(2), at(3), width, factors, sums, to);
    }
  }
}

function addToTwo(
  x: Float64Array,
  at0: number,
  at1: number,
  at2: number,
  at3: number,
  width: number,
  factors: Float64Array,
  sums: Float64Array,
  to: number,
  next: number,
): void {
  const [a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0] = factors;
  for (let j = 0; j < width; j++) {
    const x0 = x[at0 + j] ?? 0;
    const x1 = x[at1 + j] ?? 0;
    const x2 = x[at2 + j] ?? 0;
    const x3 = x[at3 + j] ?? 0;
    sums[to + j] = (sums[to + j] ?? 0) + (a0 * x0 + a1 * x1 + (a2 * x2 + a3 * x3));
    sums[next + j] = (sums[next + j] ?? 0) + (b0 * x0 + b1 * x1 + (b2 * x2 + b3 * x3));
  }
}

function addToOne(
  x: Float64Array,
  at0: number,
  at1: number,
  at2: number,
  at3: number,
  width: number,
  factors: Float64Array,
  sums: Float64Array,
  to: number,
): void {
  const [a0 = 0, a1 = 0, a2 = 0, a3 = 0] = factors;
  for (let j = 0; j < width; j++)
    sums[to + j] =
      (sums[to + j] ?? 0) +
      (a0 * (x[at0 + j] ?? 0) + a1 * (x[at1 + j] ?? 0) + (a2 * (x[at2 + j] ?? 0) + a3 * (x[at3 + j] ?? 0)));
}

/** `Σ a[i] · b[i]`. */
export function dot(a: Float64Array, b: Float64Array): number {
  // Four sums, since each addition waits for the one before it.
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 4 <= a.length; i += 4) {
    s0 += (a[i] ?? 0) * (b[i] ?? 0);
    s1 += (a[i + 1] ?? 0) * (b[i + 1] ?? 0);
    s2 += (a[i + 2] ?? 0) * (b[i + 2] ?? 0);
    s3 += (a[i + 3] ?? 0) * (b[i + 3] ?? 0);
  }
  for (; i < a.length; i++) s0 += (a[i] ?? 0) * (b[i] ?? 0);
  return s0 + s1 + (s2 + s3);
}

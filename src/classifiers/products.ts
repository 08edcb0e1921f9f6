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
  for (let vector = 0; vector < vectors; vector++) {
    const base = vector * sumStride;
    let row = 0;
    for (; row + 4 <= count; row += 4) {
      const r = row * vectors + vector;
      const r0 = residuals[r] ?? 0;
      const r1 = residuals[r + vectors] ?? 0;
      const r2 = residuals[r + 2 * vectors] ?? 0;
      const r3 = residuals[r + 3 * vectors] ?? 0;
      // Rows without a residual are many: those that a hinge does not reach, those of another fold.
      if (r0 === 0 && r1 === 0 && r2 === 0 && r3 === 0) continue;
      const at = row * stride;
      for (let j = 0; j < width; j++)
        sums[base + j] =
          (sums[base + j] ?? 0) +
          (r0 * (numbers[at + j] ?? 0) +
            r1 * (numbers[at + stride + j] ?? 0) +
            (r2 * (numbers[at + 2 * stride + j] ?? 0) + r3 * (numbers[at + 3 * stride + j] ?? 0)));
    }
    for (; row < count; row++) {
      const residual = residuals[row * vectors + vector] ?? 0;
      for (let j = 0; j < width; j++)
        sums[base + j] = (sums[base + j] ?? 0) + residual * (numbers[row * stride + j] ?? 0);
    }
  }
}

/** `Σ a[i] · b[i]`. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

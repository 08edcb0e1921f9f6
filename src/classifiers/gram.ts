/**
 * Where rows are fewer than features, an L2-regularized linear model is a combination of the rows, and all that decides it
 * is their products with each other: K = X·Xᵀ. With K = L·Lᵀ the rows of L stand in for those of X, [n × n] for [n × d].
 */
import type { DesignChunk } from './design.ts';
import { rowProducts } from './products.ts';

/** Most rows (or features) whose products with each other are held: a matrix of 512 MiB. */
export const MATRIX_ROWS = 8192;

/**
 * Adds products of rows to the lower triangle of `gram` [n × n]: of rows `first…` of the chunk with rows `against.first…`.
 * Both hold the same columns, so that wide rows may be taken in pieces.
 */
export function addRowProducts(gram: Float64Array, n: number, chunk: DesignChunk, against: DesignChunk): void {
  const products = new Float64Array(chunk.count * against.count);
  rowProducts(chunk, against.numbers, against.stride, against.count, products);
  for (let row = 0; row < chunk.count; row++) {
    const at = (chunk.first + row) * n + against.first;
    const known = Math.min(against.count, chunk.first + row + 1 - against.first);
    for (let column = 0; column < known; column++)
      gram[at + column] = (gram[at + column] ?? 0) + (products[row * against.count + column] ?? 0);
  }
}

/** Rows of a block in the factorization. */
const BLOCK = 32;

/**
 * Overwrites the lower triangle of a positive semidefinite K [n × n] by L with L·Lᵀ = K, and the rest by zeros. A row whose
 * pivot is at most `tolerance` times its own product depends on the rows before it: its column of L is zero.
 */
export function factorize(gram: Float64Array, n: number, tolerance: number): void {
  const own = Float64Array.from({ length: n }, (_, i) => gram[i * n + i] ?? 0);
  const products = new Float64Array(n * BLOCK);
  for (let start = 0; start < n; start += BLOCK) {
    const end = Math.min(start + BLOCK, n);
    const count = end - start;
    // What the finished columns explain of this block's columns, for every row from here down.
    if (start > 0) {
      const rest = { first: 0, count: n - start, stride: n, numbers: gram.subarray(start * n), width: start };
      rowProducts(rest, gram.subarray(start * n), n, count, products);
      for (let row = start; row < n; row++) {
        for (let column = start; column < end; column++)
          gram[row * n + column] =
            (gram[row * n + column] ?? 0) - (products[(row - start) * count + column - start] ?? 0);
      }
    }
    for (let column = start; column < end; column++)
      factorizeColumn(gram, n, start, column, tolerance * (own[column] ?? 0));
  }
  for (let row = 0; row < n; row++) gram.fill(0, row * n + row + 1, (row + 1) * n);
}

/** One column within its block; columns before the block are accounted for. */
function factorizeColumn(gram: Float64Array, n: number, start: number, column: number, smallest: number): void {
  const at = column * n;
  let pivot = gram[at + column] ?? 0;
  for (let j = start; j < column; j++) pivot -= (gram[at + j] ?? 0) ** 2;
  const root = pivot > smallest ? Math.sqrt(pivot) : 0;
  gram[at + column] = root;
  for (let row = column + 1; row < n; row++) {
    let sum = gram[row * n + column] ?? 0;
    for (let j = start; j < column; j++) sum -= (gram[row * n + j] ?? 0) * (gram[at + j] ?? 0);
    gram[row * n + column] = root === 0 ? 0 : sum / root;
  }
}

/**
 * The shares a [vectors × n] with Xᵀ·a equal to the weights that `weights` [vectors × stride] stand for: solves Lᵀ·a = w.
 * Rows that depend on others get none.
 */
export function sharesOfRows(
  factor: Float64Array,
  n: number,
  weights: Float64Array,
  stride: number,
  vectors: number,
): Float64Array {
  const shares = new Float64Array(vectors * n);
  for (let v = 0; v < vectors; v++) {
    const rest = weights.slice(v * stride, v * stride + n);
    for (let row = n - 1; row >= 0; row--) {
      const pivot = factor[row * n + row] ?? 0;
      if (pivot === 0) continue;
      const share = (rest[row] ?? 0) / pivot;
      shares[v * n + row] = share;
      for (let j = 0; j < row; j++) rest[j] = (rest[j] ?? 0) - share * (factor[row * n + j] ?? 0);
    }
  }
  return shares;
}

/** Overwrites b by the solution of L·Lᵀ·x = b; x is 0 where L has no pivot. */
export function solveFactorized(factor: Float64Array, n: number, b: Float64Array): void {
  for (let row = 0; row < n; row++) {
    const pivot = factor[row * n + row] ?? 0;
    let sum = b[row] ?? 0;
    for (let j = 0; j < row; j++) sum -= (factor[row * n + j] ?? 0) * (b[j] ?? 0);
    b[row] = pivot === 0 ? 0 : sum / pivot;
  }
  b.set(sharesOfRows(factor, n, b, n, 1));
}

/** Copies the lower triangle of a matrix [n × n] to the upper one. */
export function mirror(matrix: Float64Array, n: number): void {
  for (let row = 0; row < n; row++)
    for (let column = row + 1; column < n; column++) matrix[row * n + column] = matrix[column * n + row] ?? 0;
}

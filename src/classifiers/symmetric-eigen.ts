/**
 * The greatest eigenvalues of a symmetric matrix and their vectors: Householder's reduction to a tridiagonal one, its
 * eigenvalues by implicit QL, the wanted vectors by inverse iteration (Golub and Van Loan, "Matrix computations", ch. 8).
 */
import { DrawStream } from '../base/philox.ts';
import { dot } from './products.ts';

export interface Spectrum {
  /** All eigenvalues, greatest first. */
  readonly values: Float64Array;
  /** The vectors of the first `count`, `[count × n]`, of length 1. */
  vectors(count: number): Float64Array;
}

/** Decomposes the lower triangle of `matrix` [n × n], which is overwritten. */
export function symmetricEigen(matrix: Float64Array, n: number): Spectrum {
  const { diagonal, beside, factors } = tridiagonalize(matrix, n);
  const values = tridiagonalEigenvalues(diagonal.slice(), beside.slice());
  values.sort((a, b) => b - a);
  return {
    values,
    vectors(count) {
      const vectors = tridiagonalVectors(diagonal, beside, values.subarray(0, count));
      for (let v = 0; v < count; v++) reflectBack(matrix, factors, n, vectors.subarray(v * n, (v + 1) * n));
      return vectors;
    },
  };
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** `beside[i]` stands between i and i + 1; the last one is 0. */
  readonly beside: Float64Array;
  /** 2 / vᵀv of each reflection; v itself is left in row k of the matrix, right of the diagonal. */
  readonly factors: Float64Array;
}

function tridiagonalize(a: Float64Array, n: number): Tridiagonal {
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  const factors = new Float64Array(n);
  const p = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    diagonal[k] = a[k * n + k] ?? 0;
    if (k === n - 1) break;
    const v = a.subarray(k * n, (k + 1) * n);
    let squared = 0;
    for (let i = k + 1; i < n; i++) {
      const x = a[i * n + k] ?? 0;
      v[i] = x;
      if (i > k + 1) squared += x * x;
    }
    const head = v[k + 1] ?? 0;
    if (squared === 0) {
      beside[k] = head;
      continue;
    }
    const length = Math.sqrt(head * head + squared);
    const alpha = head > 0 ? -length : length;
    beside[k] = alpha;
    v[k + 1] = head - alpha;
    const factor = 2 / ((head - alpha) ** 2 + squared);
    factors[k] = factor;
    reflectBothSides(a, n, k, v, factor, p);
  }
  return { diagonal, beside, factors };
}

/** A ← H·A·H on the lower triangle below and right of k, with H = I − factor·v·vᵀ. */
function reflectBothSides(
  a: Float64Array,
  n: number,
  k: number,
  v: Float64Array,
  factor: number,
  p: Float64Array,
): void {
  p.fill(0, k + 1);
  for (let i = k + 1; i < n; i++) {
    const vi = v[i] ?? 0;
    const at = i * n;
    let sum = (a[at + i] ?? 0) * vi;
    for (let j = k + 1; j < i; j++) {
      const x = a[at + j] ?? 0;
      sum += x * (v[j] ?? 0);
      p[j] = (p[j] ?? 0) + x * vi;
    }
    p[i] = (p[i] ?? 0) + sum;
  }
  let mixed = 0;
  for (let i = k + 1; i < n; i++) mixed += (p[i] ?? 0) * (v[i] ?? 0);
  const half = (factor * factor * mixed) / 2;
  for (let i = k + 1; i < n; i++) p[i] = factor * (p[i] ?? 0) - half * (v[i] ?? 0);
  for (let i = k + 1; i < n; i++) {
    const [vi, pi] = [v[i] ?? 0, p[i] ?? 0];
    const at = i * n;
    for (let j = k + 1; j <= i; j++) a[at + j] = (a[at + j] ?? 0) - vi * (p[j] ?? 0) - pi * (v[j] ?? 0);
  }
}

/** Turns a vector of the tridiagonal matrix into one of the matrix it came from. */
function reflectBack(a: Float64Array, factors: Float64Array, n: number, x: Float64Array): void {
  for (let k = n - 2; k >= 0; k--) {
    const factor = factors[k] ?? 0;
    if (factor === 0) continue;
    let sum = 0;
    for (let i = k + 1; i < n; i++) sum += (a[k * n + i] ?? 0) * (x[i] ?? 0);
    for (let i = k + 1; i < n; i++) x[i] = (x[i] ?? 0) - factor * sum * (a[k * n + i] ?? 0);
  }
}

/** Implicit QL with Wilkinson's shift; overwrites both. */
function tridiagonalEigenvalues(d: Float64Array, e: Float64Array): Float64Array {
  const n = d.length;
  const at = (array: Float64Array, i: number) => array[i] ?? 0;
  for (let l = 0; l < n; l++) {
    for (let round = 0; ; round++) {
      let m = l;
      while (m < n - 1) {
        const scale = Math.abs(at(d, m)) + Math.abs(at(d, m + 1));
        if (Math.abs(at(e, m)) <= Number.EPSILON * scale) break;
        m++;
      }
      if (m === l) break;
      if (round === 100) throw new Error('the eigenvalues of a matrix were not found: it holds NaN');
      let g = (at(d, l + 1) - at(d, l)) / (2 * at(e, l));
      let r = Math.hypot(g, 1);
      g = at(d, m) - at(d, l) + at(e, l) / (g + (g >= 0 ? r : -r));
      let [sine, cosine, shift] = [1, 1, 0];
      let i = m - 1;
      for (; i >= l; i--) {
        const f = sine * at(e, i);
        const b = cosine * at(e, i);
        r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1] = at(d, i + 1) - shift;
          e[m] = 0;
          break;
        }
        sine = f / r;
        cosine = g / r;
        g = at(d, i + 1) - shift;
        r = (at(d, i) - g) * sine + 2 * cosine * b;
        shift = sine * r;
        d[i + 1] = g + shift;
        g = cosine * r - b;
      }
      if (r === 0 && i >= l) continue;
      d[l] = at(d, l) - shift;
      e[l] = g;
      e[m] = 0;
    }
  }
  return d;
}

/** Vectors of a tridiagonal matrix by inverse iteration, each kept orthogonal to those before it. */
function tridiagonalVectors(diagonal: Float64Array, beside: Float64Array, values: Float64Array): Float64Array {
  const n = diagonal.length;
  const vectors = new Float64Array(values.length * n);
  const draws = new DrawStream(0, 'inverse iteration');
  const size = Math.max(...values.map(Math.abs), Number.MIN_VALUE);
  let before = Number.POSITIVE_INFINITY;
  values.forEach((value, v) => {
    // Equal values would give equal vectors: the smallest step apart tells them.
    const shift = Math.min(value, before - 4 * Number.EPSILON * size);
    before = shift;
    const x = vectors.subarray(v * n, (v + 1) * n);
    for (let i = 0; i < n; i++) x[i] = draws.uniform() - 0.5;
    const solve = shiftedSolver(diagonal, beside, shift, size);
    for (let round = 0; round < 4; round++) {
      solve(x);
      // Twice: once leaves traces of what is subtracted where nearly all of it is.
      for (let pass = 0; pass < 2; pass++) {
        for (let w = 0; w < v; w++) {
          const other = vectors.subarray(w * n, (w + 1) * n);
          const share = dot(x, other);
          for (let i = 0; i < n; i++) x[i] = (x[i] ?? 0) - share * (other[i] ?? 0);
        }
        const length = Math.sqrt(dot(x, x));
        for (let i = 0; i < n; i++) x[i] = (x[i] ?? 0) / length;
      }
    }
  });
  return vectors;
}

/** Solves (T − shift)·x = b in place, by elimination with row exchanges; a pivot of 0 is replaced by the smallest. */
function shiftedSolver(diagonal: Float64Array, beside: Float64Array, shift: number, size: number) {
  const n = diagonal.length;
  const [u0, u1, u2] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  const factors = new Float64Array(n);
  const exchanged = new Uint8Array(n);
  const smallest = Number.EPSILON * size;
  const solid = (x: number) => (Math.abs(x) < smallest ? smallest : x);
  let [d, e] = [(diagonal[0] ?? 0) - shift, beside[0] ?? 0];
  for (let i = 0; i < n - 1; i++) {
    const below = beside[i] ?? 0;
    const nextDiagonal = (diagonal[i + 1] ?? 0) - shift;
    const nextBeside = beside[i + 1] ?? 0;
    if (Math.abs(below) > Math.abs(d)) {
      exchanged[i] = 1;
      [u0[i], u1[i], u2[i]] = [below, nextDiagonal, nextBeside];
      const factor = d / below;
      factors[i] = factor;
      [d, e] = [e - factor * nextDiagonal, -factor * nextBeside];
    } else {
      const pivot = solid(d);
      [u0[i], u1[i]] = [pivot, e];
      const factor = below / pivot;
      factors[i] = factor;
      [d, e] = [nextDiagonal - factor * e, nextBeside];
    }
  }
  u0[n - 1] = solid(d);
  return (x: Float64Array): void => {
    for (let i = 0; i < n - 1; i++) {
      const [here, next] = [x[i] ?? 0, x[i + 1] ?? 0];
      const [upper, lower] = exchanged[i] ? [next, here] : [here, next];
      x[i] = upper;
      x[i + 1] = lower - (factors[i] ?? 0) * upper;
    }
    for (let i = n - 1; i >= 0; i--) {
      const known = (u1[i] ?? 0) * (x[i + 1] ?? 0) + (u2[i] ?? 0) * (x[i + 2] ?? 0);
      x[i] = ((x[i] ?? 0) - known) / (u0[i] ?? 1);
    }
    const length = Math.sqrt(dot(x, x));
    for (let i = 0; i < n; i++) x[i] = (x[i] ?? 0) / length;
  };
}

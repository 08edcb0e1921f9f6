/**
 * Linear support vector machines with squared hinge from the rows' products alone. Where the reached rows F are known, the
 * minimum solves (K_F + 1/2C)·β = y; Newton's method with an exact line search finds F in finitely many steps (Mangasarian,
 * "A finite Newton method for classification", 2002; Keerthi and DeCoste, JMLR 6, 2005).
 */
import { factorize, solveFactorized } from './gram.ts';
import { dot, rowProducts } from './products.ts';

export interface DualSvmProblem {
  /** Products of the rows [n × n], both triangles, with 1 added for the penalized intercept. */
  readonly gram: Float64Array;
  /** 1 or −1 a row. */
  readonly signs: Float64Array;
  /** C a row; rows with 0 take no part. */
  readonly costs: Float64Array;
}

export interface DualSvmSolution {
  /** The weights are Σ shares[i] · [x_i, 1]. */
  readonly shares: Float64Array;
  /** What each row scores. */
  readonly scores: Float64Array;
  readonly converged: boolean;
}

/** The factor of all rows together, which every class starts from. */
export interface SharedFactor {
  rows: Uint32Array;
  factor: Float64Array;
}

/** Gains below this share of the value drown in rounding. */
const ROUNDING = 1e-14;

/** Minimises ½‖w‖² + Σ costs·max(0, 1 − sign·score)². `shared` is filled at the first call and used by the next ones. */
export function solveDualSvm(
  { gram, signs, costs }: DualSvmProblem,
  shared: { first?: SharedFactor },
  maxSteps: number,
): DualSvmSolution {
  const n = signs.length;
  let shares = new Float64Array(n);
  let scores = new Float64Array(n);
  let value = lossAt(shares, scores, signs, costs);
  for (let step = 0; step < maxSteps; step++) {
    const reached = reachedRows(scores, signs, costs);
    const target = newtonPoint(gram, n, signs, costs, reached, shared);
    const targetScores = productsWith(gram, n, target);
    if (sameRows(reached, reachedRows(targetScores, signs, costs)))
      return { shares: target, scores: targetScores, converged: true };
    const t = lineMinimum(shares, scores, target, targetScores, signs, costs);
    const between = (from: Float64Array, to: Float64Array) => from.map((x, i) => x + t * ((to[i] ?? 0) - x));
    shares = between(shares, target);
    scores = between(scores, targetScores);
    const next = lossAt(shares, scores, signs, costs);
    if (value - next <= ROUNDING * value) return { shares, scores, converged: true };
    value = next;
  }
  return { shares, scores, converged: false };
}

/** The minimum as it would be if exactly these rows were reached by the hinge. */
function newtonPoint(
  gram: Float64Array,
  n: number,
  signs: Float64Array,
  costs: Float64Array,
  rows: Uint32Array,
  shared: { first?: SharedFactor },
): Float64Array {
  const m = rows.length;
  let factor: Float64Array;
  if (shared.first && sameRows(shared.first.rows, rows)) factor = shared.first.factor;
  else {
    factor = new Float64Array(m * m);
    rows.forEach((row, i) => {
      for (let j = 0; j <= i; j++) factor[i * m + j] = gram[row * n + (rows[j] ?? 0)] ?? 0;
      factor[i * m + i] = (factor[i * m + i] ?? 0) + 1 / (2 * (costs[row] ?? 0));
    });
    factorize(factor, m, 0);
    shared.first ??= { rows, factor };
  }
  const solved = Float64Array.from(rows, (row) => signs[row] ?? 0);
  solveFactorized(factor, m, solved);
  const shares = new Float64Array(n);
  rows.forEach((row, i) => {
    shares[row] = solved[i] ?? 0;
  });
  return shares;
}

function reachedRows(scores: Float64Array, signs: Float64Array, costs: Float64Array): Uint32Array {
  return Uint32Array.from(scores.keys()).filter(
    (row) => (costs[row] ?? 0) > 0 && 1 - (signs[row] ?? 0) * (scores[row] ?? 0) > 0,
  );
}

function sameRows(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((row, i) => row === b[i]);
}

function productsWith(gram: Float64Array, n: number, shares: Float64Array): Float64Array {
  const products = new Float64Array(n);
  rowProducts({ first: 0, count: n, stride: n, width: n, numbers: gram }, shares, n, 1, products);
  return products;
}

function lossAt(shares: Float64Array, scores: Float64Array, signs: Float64Array, costs: Float64Array): number {
  let loss = 0;
  for (let i = 0; i < scores.length; i++)
    loss += (costs[i] ?? 0) * Math.max(0, 1 - (signs[i] ?? 0) * (scores[i] ?? 0)) ** 2;
  return dot(shares, scores) / 2 + loss;
}

/** The t at which the value is smallest on the way from one point (0) to another (1) and beyond. */
function lineMinimum(
  shares: Float64Array,
  scores: Float64Array,
  target: Float64Array,
  targetScores: Float64Array,
  signs: Float64Array,
  costs: Float64Array,
): number {
  const way = scores.map((score, i) => (targetScores[i] ?? 0) - score);
  const along = dot(shares, way);
  const squared = dot(target, way) - along;
  const slope = (t: number) => {
    let sum = along + t * squared;
    for (let i = 0; i < way.length; i++) {
      const sign = signs[i] ?? 0;
      const slack = 1 - sign * ((scores[i] ?? 0) + t * (way[i] ?? 0));
      if (slack > 0) sum -= 2 * (costs[i] ?? 0) * sign * (way[i] ?? 0) * slack;
    }
    return sum;
  };
  let [low, high] = [0, 1];
  while (slope(high) < 0 && high < 1e6) [low, high] = [high, 2 * high];
  for (let round = 0; round < 60 && high - low > 1e-16 * high; round++) {
    const middle = (low + high) / 2;
    if (slope(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

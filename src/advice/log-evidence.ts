/**
 * LogME: You, Liu, Wang and Long, "LogME: practical assessment of pre-trained models for transfer learning" (ICML 2021). The
 * logarithm of the evidence of a Bayesian linear model from features to labels, maximised over its two precisions, a row and a class.
 */
import { symmetricEigen } from '../classifiers/symmetric-eigen.ts';

/** What the evidence takes from features: one decomposition serves any labels. */
export interface Evidence {
  readonly rows: number;
  /** Eigenvalues of F·Fᵀ that are not 0, greatest first, and their vectors, `[values × rows]`. */
  readonly values: Float64Array;
  readonly vectors: Float64Array;
}

/** Ratios of the precisions that are tried, as powers of ten of the greatest eigenvalue; then the best is refined. */
const LOWEST = -10;
const HIGHEST = 4;
const GRID = 57;
const REFINEMENTS = 60;

/** Decomposes F·Fᵀ; columns are centred first, so that a bias takes part. */
export function prepareEvidence(features: Float32Array, rows: number, width: number): Evidence {
  const means = new Float64Array(width);
  for (let row = 0; row < rows; row++)
    for (let j = 0; j < width; j++) means[j] = (means[j] ?? 0) + (features[row * width + j] ?? 0) / rows;
  const gram = new Float64Array(rows * rows);
  for (let a = 0; a < rows; a++) {
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let j = 0; j < width; j++) {
        const mean = means[j] ?? 0;
        sum += ((features[a * width + j] ?? 0) - mean) * ((features[b * width + j] ?? 0) - mean);
      }
      gram[a * rows + b] = sum;
      gram[b * rows + a] = sum;
    }
  }
  const spectrum = symmetricEigen(gram, rows);
  const least = Math.max(0, spectrum.values[0] ?? 0) * 1e-9;
  const count = spectrum.values.filter((value) => value > least).length;
  return { rows, values: spectrum.values.slice(0, count), vectors: spectrum.vectors(count) };
}

/** Mean over the classes of the log evidence of "is of this class", a row. */
export function logEvidence(evidence: Evidence, labels: ArrayLike<number>, classes: number): number {
  let sum = 0;
  for (let c = 0; c < classes; c++) {
    const share = Array.prototype.filter.call(labels, (label) => label === c).length / evidence.rows;
    const targets = Float64Array.from(labels, (label) => (label === c ? 1 : 0) - share);
    sum += evidenceOf(evidence, targets);
  }
  return sum / classes;
}

/**
 * With t = α/β the targets' covariance is (I + F·Fᵀ/t)/β, and the best β for a given t is n / yᵀ(I + F·Fᵀ/t)⁻¹y: one
 * number is left to search. (The paper iterates on both, which takes for ever where the features fit the labels perfectly.)
 */
function evidenceOf({ rows: n, values: sigma, vectors }: Evidence, y: Float64Array): number {
  const squares = sigma.map((_, k) => {
    let projection = 0;
    for (let i = 0; i < n; i++) projection += (vectors[k * n + i] ?? 0) * (y[i] ?? 0);
    return projection * projection;
  });
  const total = y.reduce((sum, value) => sum + value * value, 0);
  const left = Math.max(0, total - squares.reduce((sum, value) => sum + value, 0));
  // Centring takes one direction away.
  const freedom = n - 1;
  const at = (exponent: number) => {
    const t = (sigma[0] ?? 1) * 10 ** exponent;
    let quadratic = left;
    let logDeterminant = 0;
    sigma.forEach((s, k) => {
      quadratic += (squares[k] ?? 0) / (1 + s / t);
      logDeterminant += Math.log1p(s / t);
    });
    return (Math.log(freedom / (2 * Math.PI * quadratic)) - 1 - logDeterminant / freedom) / 2;
  };
  const step = (HIGHEST - LOWEST) / (GRID - 1);
  const exponents = Array.from({ length: GRID }, (_, i) => LOWEST + i * step);
  const best = exponents.reduce((a, b) => (at(b) > at(a) ? b : a));
  let [low, high] = [best - step, best + step];
  // Golden section.
  const ratio = (Math.sqrt(5) - 1) / 2;
  for (let i = 0; i < REFINEMENTS; i++) {
    const [a, b] = [high - ratio * (high - low), low + ratio * (high - low)];
    if (at(a) > at(b)) high = b;
    else low = a;
  }
  return at((low + high) / 2);
}

import { type Accumulator, predictedClass, probabilityAt, type ScoredBatch } from './scored-batch.ts';

/** The 97.5 % quantile of the standard normal distribution. */
const Z_95 = 1.959963984540054;

/** Lower and upper end of an interval of shares. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Wilson's score interval of a share at 95 %, without continuity correction: (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n).
 * E. B. Wilson, JASA 22 (1927); equals `scipy.stats.binomtest(k, n).proportion_ci(method='wilson')`.
 */
function wilsonInterval(successes: number, trials: number): Interval {
  const share = successes / trials;
  const z2 = Z_95 * Z_95;
  const centre = share + z2 / (2 * trials);
  const radius = Z_95 * Math.sqrt((share * (1 - share)) / trials + z2 / (4 * trials * trials));
  const scale = 1 + z2 / trials;
  return {
    low: successes === 0 ? 0 : (centre - radius) / scale,
    high: successes === trials ? 1 : (centre + radius) / scale,
  };
}

/** Share of rows whose most probable class is the true one (the first of tied classes counts). */
export class Accuracy implements Accumulator {
  #right = 0;
  #rows = 0;

  add(batch: ScoredBatch): void {
    for (let row = 0; row < batch.rows; row++) if (predictedClass(batch, row) === batch.labels[row]) this.#right++;
    this.#rows += batch.rows;
  }

  get value(): number {
    return this.#right / this.#rows;
  }

  /** Wilson's 95 % interval. */
  get interval(): Interval {
    return wilsonInterval(this.#right, this.#rows);
  }
}

/**
 * Share of rows whose true class is among the `k` most probable. Of tied classes the later one ranks higher, as in
 * `sklearn.metrics.top_k_accuracy_score`.
 */
export class TopKAccuracy implements Accumulator {
  readonly k: number;
  #right = 0;
  #rows = 0;

  constructor(k: number) {
    this.k = k;
  }

  add(batch: ScoredBatch): void {
    for (let row = 0; row < batch.rows; row++) if (rankOfTruth(batch, row) < this.k) this.#right++;
    this.#rows += batch.rows;
  }

  get value(): number {
    return this.#right / this.#rows;
  }
}

/** How many classes rank before the true one. */
function rankOfTruth(batch: ScoredBatch, row: number): number {
  const truth = batch.labels[row] ?? -1;
  const own = probabilityAt(batch, row, truth);
  let before = 0;
  for (let c = 0; c < batch.classes; c++) {
    const other = probabilityAt(batch, row, c);
    if (other > own || (other === own && c > truth)) before++;
  }
  return before;
}

/** Some rows with their true classes and what a model said: what every metric is fed, batch by batch. */
export interface ScoredBatch {
  /** Float32 class probabilities, row-major `[rows, classes]`; metrics widen them to float64 before any arithmetic. */
  readonly probabilities: Float32Array;
  /** True class index a row, `[rows]`. Unlabelled rows must have been left out. */
  readonly labels: Int32Array;
  readonly rows: number;
  readonly classes: number;
}

/** A metric in one pass: it keeps sums, never rows. */
export interface Accumulator {
  add(batch: ScoredBatch): void;
}

/** The probability of class `c` in row `row`, as float64. */
export function probabilityAt(batch: ScoredBatch, row: number, c: number): number {
  return batch.probabilities[row * batch.classes + c] ?? Number.NaN;
}

/** Index of the greatest probability of a row, the first one where several tie (as `numpy.argmax`). */
export function predictedClass(batch: ScoredBatch, row: number): number {
  let best = 0;
  for (let c = 1; c < batch.classes; c++) if (probabilityAt(batch, row, c) > probabilityAt(batch, row, best)) best = c;
  return best;
}

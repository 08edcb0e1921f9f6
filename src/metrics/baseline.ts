import { rowLogLoss } from './log-loss.ts';

/** What one reaches without looking at the images. */
export interface Baseline {
  /** Always saying the commonest training class: `DummyClassifier('most_frequent')`. */
  readonly accuracy: number;
  /** Saying the training classes' shares for every row: `DummyClassifier('prior')`, clipped as the log-loss is. */
  readonly logLoss: number;
  /** Index of the class that it always says; the first of equally common ones. */
  readonly majority: number;
}

/** The baseline from the class counts of the rows learnt from and of the rows scored, both `[classes]`. */
export function baselineOf(learnt: ArrayLike<number>, scored: ArrayLike<number>): Baseline {
  const learntRows = total(learnt);
  const scoredRows = total(scored);
  let majority = 0;
  let loss = 0;
  for (let c = 0; c < learnt.length; c++) {
    if ((learnt[c] ?? 0) > (learnt[majority] ?? 0)) majority = c;
    const count = scored[c] ?? 0;
    if (count > 0) loss += count * rowLogLoss((learnt[c] ?? 0) / learntRows);
  }
  return { accuracy: (scored[majority] ?? 0) / scoredRows, logLoss: loss / scoredRows, majority };
}

/** Rows of each class, `[classes]`; labels below 0 are not counted. */
export function countClasses(labels: Iterable<number>, classes: number): Float64Array {
  const counts = new Float64Array(classes);
  for (const label of labels) if (label >= 0) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

function total(counts: ArrayLike<number>): number {
  let sum = 0;
  for (let c = 0; c < counts.length; c++) sum += counts[c] ?? 0;
  return sum;
}

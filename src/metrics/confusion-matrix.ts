import { type Accumulator, predictedClass, type ScoredBatch } from './scored-batch.ts';

/** How one class fared. A share with nothing below it (0/0) is 0, as scikit-learn's `zero_division=0`. */
export interface ClassScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Rows of the class. */
  readonly support: number;
}

/** Counts by true class (row) and predicted class (column), `[classes, classes]`: `sklearn.metrics.confusion_matrix`. */
export class ConfusionMatrix implements Accumulator {
  readonly classes: number;
  readonly #counts: Float64Array;

  constructor(classes: number) {
    this.classes = classes;
    this.#counts = new Float64Array(classes * classes);
  }

  add(batch: ScoredBatch): void {
    for (let row = 0; row < batch.rows; row++) {
      const cell = (batch.labels[row] ?? -1) * this.classes + predictedClass(batch, row);
      this.#counts[cell] = (this.#counts[cell] ?? 0) + 1;
    }
  }

  count(truth: number, predicted: number): number {
    return this.#counts[truth * this.classes + predicted] ?? 0;
  }

  /** Row by row. */
  toRows(): number[][] {
    return Array.from({ length: this.classes }, (_, truth) =>
      Array.from({ length: this.classes }, (_, predicted) => this.count(truth, predicted)),
    );
  }

  /** Precision TP/(TP+FP), recall TP/(TP+FN) and F1 2TP/(2TP+FP+FN) of each class. */
  perClass(): ClassScores[] {
    return Array.from({ length: this.classes }, (_, c) => {
      let support = 0;
      let predicted = 0;
      for (let other = 0; other < this.classes; other++) {
        support += this.count(c, other);
        predicted += this.count(other, c);
      }
      const right = this.count(c, c);
      return {
        precision: share(right, predicted),
        recall: share(right, support),
        f1: share(2 * right, support + predicted),
        support,
      };
    });
  }
}

/** Unweighted means over all classes: scikit-learn's `average='macro'` with every class in `labels`. */
export function macroScores(scores: readonly ClassScores[]): Omit<ClassScores, 'support'> {
  const mean = (of: (scores: ClassScores) => number) => scores.reduce((sum, each) => sum + of(each), 0) / scores.length;
  return { precision: mean((s) => s.precision), recall: mean((s) => s.recall), f1: mean((s) => s.f1) };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

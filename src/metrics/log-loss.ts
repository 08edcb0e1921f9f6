import { CompensatedSum } from './compensated-sum.ts';
import { type Accumulator, probabilityAt, type ScoredBatch } from './scored-batch.ts';

/** Float64 machine epsilon: probabilities are clipped to [EPSILON, 1 − EPSILON], as scikit-learn does for float64. */
const EPSILON = 2.220446049250313e-16;

/** −ln p of one row's true class in nats, p clipped to [EPSILON, 1 − EPSILON]. */
export function rowLogLoss(probability: number): number {
  return -Math.log(Math.min(Math.max(probability, EPSILON), 1 - EPSILON));
}

/**
 * Mean negative log-likelihood of the true class, in nats:
 * `sklearn.metrics.log_loss(y, p.astype('float64'), labels=classes)`. Rows are not renormalized.
 */
export class LogLoss implements Accumulator {
  readonly #sum = new CompensatedSum();
  #rows = 0;

  add(batch: ScoredBatch): void {
    for (let row = 0; row < batch.rows; row++) {
      this.#sum.add(rowLogLoss(probabilityAt(batch, row, batch.labels[row] ?? -1)));
    }
    this.#rows += batch.rows;
  }

  get value(): number {
    return this.#sum.value / this.#rows;
  }
}

import { CompensatedSum } from './compensated-sum.ts';
import { type Accumulator, probabilityAt, type ScoredBatch } from './scored-batch.ts';

/**
 * Mean squared distance between the probabilities and the truth, Σ_c (p_c − [c is true])² a row: Brier, Monthly Weather
 * Review 78 (1950). Halved for two classes, where it then is (p₁ − y)², as `sklearn.metrics.brier_score_loss` does by default.
 */
export class BrierScore implements Accumulator {
  readonly #sum = new CompensatedSum();
  #rows = 0;
  #classes = 0;

  add(batch: ScoredBatch): void {
    for (let row = 0; row < batch.rows; row++) {
      let distance = 0;
      for (let c = 0; c < batch.classes; c++) {
        const difference = probabilityAt(batch, row, c) - (c === batch.labels[row] ? 1 : 0);
        distance += difference * difference;
      }
      this.#sum.add(distance);
    }
    this.#rows += batch.rows;
    this.#classes = batch.classes;
  }

  get value(): number {
    return this.#sum.value / this.#rows / (this.#classes === 2 ? 2 : 1);
  }
}

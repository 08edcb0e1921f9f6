import { CompensatedSum } from './compensated-sum.ts';
import { type Accumulator, predictedClass, probabilityAt, type ScoredBatch } from './scored-batch.ts';

/** Bins of Guo et al. */
const CALIBRATION_BINS = 15;

/** One bar of a reliability diagram: rows with a confidence in (low, high]. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly rows: number;
  /** Mean probability of the predicted class; 0 in an empty bin. */
  readonly confidence: number;
  readonly accuracy: number;
}

/**
 * Expected calibration error: Σ_bins (rows in bin / rows)·|accuracy − mean confidence| over equally wide bins (low, high] of the
 * predicted class' probability. Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks" (ICML 2017).
 */
export class CalibrationError implements Accumulator {
  readonly #bins = Array.from({ length: CALIBRATION_BINS }, () => ({
    rows: 0,
    right: 0,
    confidence: new CompensatedSum(),
  }));
  #rows = 0;

  add(batch: ScoredBatch): void {
    for (let row = 0; row < batch.rows; row++) {
      const predicted = predictedClass(batch, row);
      const confidence = probabilityAt(batch, row, predicted);
      const index = Math.min(CALIBRATION_BINS - 1, Math.max(0, Math.ceil(confidence * CALIBRATION_BINS) - 1));
      const bin = this.#bins[index];
      if (!bin) continue;
      bin.rows++;
      bin.confidence.add(confidence);
      if (predicted === batch.labels[row]) bin.right++;
    }
    this.#rows += batch.rows;
  }

  get value(): number {
    return this.#bins.reduce((sum, bin) => sum + Math.abs(bin.right - bin.confidence.value), 0) / this.#rows;
  }

  /** The reliability diagram. */
  bins(): ReliabilityBin[] {
    return this.#bins.map((bin, i) => ({
      low: i / CALIBRATION_BINS,
      high: (i + 1) / CALIBRATION_BINS,
      rows: bin.rows,
      confidence: bin.rows === 0 ? 0 : bin.confidence.value / bin.rows,
      accuracy: bin.rows === 0 ? 0 : bin.right / bin.rows,
    }));
  }
}

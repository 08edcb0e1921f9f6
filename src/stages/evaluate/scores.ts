/** All that an evaluate stage computes, fed batch by batch. */
import type { Json, JsonObject } from '../../base/json.ts';
import type { RowTable } from '../../data/row-table.ts';
import { Accuracy, TopKAccuracy } from '../../metrics/accuracy.ts';
import { type Baseline, baselineOf, countClasses } from '../../metrics/baseline.ts';
import { BrierScore } from '../../metrics/brier-score.ts';
import { CalibrationError } from '../../metrics/calibration-error.ts';
import { ConfusionMatrix, macroScores } from '../../metrics/confusion-matrix.ts';
import { LogLoss, rowLogLoss } from '../../metrics/log-loss.ts';
import { type Accumulator, predictedClass, probabilityAt, type ScoredBatch } from '../../metrics/scored-batch.ts';
import { labelsOf } from '../inputs/labelled-rows.ts';
import type { EvaluateParams } from './index.ts';
import { metricNames } from './metric-names.ts';

interface Mistake {
  readonly name: string;
  readonly label: string;
  readonly predicted: string;
  /** Of the true class. */
  readonly probability: number;
  readonly loss: number;
}

export class Scores {
  readonly #params: EvaluateParams;
  readonly #table: RowTable;
  readonly #logLoss = new LogLoss();
  readonly #accuracy = new Accuracy();
  readonly #topK: TopKAccuracy;
  readonly #confusion: ConfusionMatrix;
  readonly #brier = new BrierScore();
  readonly #calibration = new CalibrationError();
  readonly #counts: Float64Array;
  #worst: Mistake[] = [];
  #rows = 0;

  constructor(params: EvaluateParams, table: RowTable) {
    this.#params = params;
    this.#table = table;
    this.#topK = new TopKAccuracy(params.topK);
    this.#confusion = new ConfusionMatrix(table.classes.length);
    this.#counts = new Float64Array(table.classes.length);
  }

  /** Rows of the table, all of them labelled, with their probabilities `[rows, classes]`. */
  add(rows: Uint32Array, probabilities: Float32Array): void {
    const labels = labelsOf(this.#table, rows);
    const batch = { probabilities, labels, rows: rows.length, classes: this.#table.classes.length };
    const all: readonly Accumulator[] = [
      this.#logLoss,
      this.#accuracy,
      this.#topK,
      this.#confusion,
      this.#brier,
      this.#calibration,
    ];
    for (const metric of all) metric.add(batch);
    for (const label of labels) this.#counts[label] = (this.#counts[label] ?? 0) + 1;
    this.#rows += rows.length;
    this.#keepWorst(rows, batch);
  }

  get rows(): number {
    return this.#rows;
  }

  /** The baseline learnt from the rows at `train`, or from the scored rows themselves where there are none. */
  baseline(train: Uint32Array): Baseline {
    const learnt = countClasses(
      Array.from(train, (row) => this.#table.label[row] ?? -1),
      this.#table.classes.length,
    );
    return baselineOf(train.length > 0 ? learnt : this.#counts, this.#counts);
  }

  get accuracy(): number {
    return this.#accuracy.value;
  }

  values(baseline: Baseline): Readonly<Record<string, number>> {
    const { metrics, topK } = this.#params;
    const macro = macroScores(this.#confusion.perClass());
    const known: Readonly<Record<string, number>> = {
      'log-loss': this.#logLoss.value,
      accuracy: this.#accuracy.value,
      'baseline-accuracy': baseline.accuracy,
      'baseline-log-loss': baseline.logLoss,
      [`top-${topK}`]: this.#topK.value,
      'macro-precision': macro.precision,
      'macro-recall': macro.recall,
      'macro-f1': macro.f1,
      brier: this.#brier.value,
      'calibration-error': this.#calibration.value,
    };
    return Object.fromEntries(metricNames({ metrics, topK }).map((name) => [name, known[name] ?? Number.NaN]));
  }

  details(baseline: Baseline): JsonObject {
    const { classes } = this.#table;
    const { metrics } = this.#params;
    const interval = this.#accuracy.interval;
    const parts: Record<string, Json> = {
      rows: this.#rows,
      classes,
      'accuracy-interval': { level: 0.95, low: interval.low, high: interval.high },
      'baseline-class': classes[baseline.majority] ?? null,
      'worst-mistakes': this.#worst.map((mistake) => ({ ...mistake })),
    };
    if (metrics.includes('confusion-matrix')) parts['confusion-matrix'] = this.#confusion.toRows();
    if (metrics.includes('per-class')) {
      parts['per-class'] = this.#confusion.perClass().map((scores, c) => ({ class: classes[c] ?? '', ...scores }));
    }
    if (metrics.includes('calibration-error'))
      parts['reliability'] = this.#calibration.bins().map((bin) => ({ ...bin }));
    return parts;
  }

  /** Keeps the wrong answers with the greatest losses; equal losses by name, so that the order of rows does not matter. */
  #keepWorst(rows: Uint32Array, batch: ScoredBatch): void {
    const { classes } = this.#table;
    const found: Mistake[] = [];
    rows.forEach((row, i) => {
      const truth = batch.labels[i] ?? 0;
      const predicted = predictedClass(batch, i);
      if (predicted === truth) return;
      const probability = probabilityAt(batch, i, truth);
      found.push({
        name: this.#table.name(row),
        label: classes[truth] ?? '',
        predicted: classes[predicted] ?? '',
        probability,
        loss: rowLogLoss(probability),
      });
    });
    if (found.length === 0) return;
    this.#worst = [...this.#worst, ...found]
      .sort((a, b) => b.loss - a.loss || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
      .slice(0, this.#params.mistakes);
  }
}

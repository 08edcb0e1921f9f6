import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Accuracy, TopKAccuracy } from './accuracy.ts';
import { baselineOf, countClasses } from './baseline.ts';
import { BrierScore } from './brier-score.ts';
import { CalibrationError } from './calibration-error.ts';
import { ConfusionMatrix, macroScores } from './confusion-matrix.ts';
import { LogLoss, rowLogLoss } from './log-loss.ts';
import type { Accumulator, ScoredBatch } from './scored-batch.ts';

interface Case {
  name: string;
  classes: number;
  probabilities: number[];
  labels: number[];
  train: number[];
  k: number;
  expected: {
    logLoss: number;
    accuracy: number;
    interval: [number, number];
    topK: number;
    confusion: number[][];
    precision: number[];
    recall: number[];
    f1: number[];
    support: number[];
    macroF1: number;
    brier: number;
    calibrationError: number;
    baselineAccuracy: number;
    baselineLogLoss: number;
  };
}

const vectors: { cases: Case[] } = JSON.parse(
  readFileSync(new URL('../../test/vectors/sklearn-metrics/vectors.json', import.meta.url), 'utf8'),
);

function batchOf({ classes, probabilities, labels }: Pick<Case, 'classes' | 'probabilities' | 'labels'>): ScoredBatch {
  return {
    probabilities: Float32Array.from(probabilities),
    labels: Int32Array.from(labels),
    rows: labels.length,
    classes,
  };
}

function fed<T extends Accumulator>(accumulator: T, batch: ScoredBatch): T {
  accumulator.add(batch);
  return accumulator;
}

describe.each(vectors.cases)('equals scikit-learn to 1e-12: $name', (vector) => {
  const batch = batchOf(vector);
  const { expected } = vector;
  const close = (actual: number, wanted: number) => expect(Math.abs(actual - wanted)).toBeLessThanOrEqual(1e-12);

  it('log-loss', () => close(fed(new LogLoss(), batch).value, expected.logLoss));
  it('accuracy and its interval', () => {
    const accuracy = fed(new Accuracy(), batch);
    close(accuracy.value, expected.accuracy);
    close(accuracy.interval.low, expected.interval[0]);
    close(accuracy.interval.high, expected.interval[1]);
  });
  it('top-k accuracy', () => close(fed(new TopKAccuracy(vector.k), batch).value, expected.topK));
  it('Brier score', () => close(fed(new BrierScore(), batch).value, expected.brier));
  it('calibration error', () => close(fed(new CalibrationError(), batch).value, expected.calibrationError));
  it('confusion matrix and the scores of each class', () => {
    const matrix = fed(new ConfusionMatrix(vector.classes), batch);
    const scores = matrix.perClass();
    expect(matrix.toRows()).toEqual(expected.confusion);
    scores.forEach((score, c) => {
      close(score.precision, expected.precision[c] ?? Number.NaN);
      close(score.recall, expected.recall[c] ?? Number.NaN);
      close(score.f1, expected.f1[c] ?? Number.NaN);
      expect(score.support).toBe(expected.support[c]);
    });
    close(macroScores(scores).f1, expected.macroF1);
  });
  it('the majority-class baseline', () => {
    const baseline = baselineOf(
      countClasses(vector.train, vector.classes),
      countClasses(vector.labels, vector.classes),
    );
    close(baseline.accuracy, expected.baselineAccuracy);
    close(baseline.logLoss, expected.baselineLogLoss);
  });
});

describe('metrics', () => {
  const scored = fc.integer({ min: 2, max: 5 }).chain((classes) =>
    fc
      .array(
        fc.record({
          weights: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: classes, maxLength: classes }),
          label: fc.nat(classes - 1),
        }),
        { minLength: 2, maxLength: 20 },
      )
      .map((rows) => ({
        classes,
        labels: rows.map((row) => row.label),
        probabilities: rows.flatMap(({ weights }) => {
          const sum = weights.reduce((a, b) => a + b, 0);
          return weights.map((weight) => (sum === 0 ? 1 / classes : weight / sum));
        }),
      })),
  );

  it('do not depend on how the rows are cut into batches', () => {
    fc.assert(
      fc.property(scored, fc.nat(), (rows, at) => {
        const cut = 1 + (at % (rows.labels.length - 1));
        const parts = [
          batchOf({
            ...rows,
            labels: rows.labels.slice(0, cut),
            probabilities: rows.probabilities.slice(0, cut * rows.classes),
          }),
          batchOf({
            ...rows,
            labels: rows.labels.slice(cut),
            probabilities: rows.probabilities.slice(cut * rows.classes),
          }),
        ];
        for (const make of [
          () => new LogLoss(),
          () => new BrierScore(),
          () => new CalibrationError(),
          () => new Accuracy(),
        ]) {
          const inParts = make();
          for (const part of parts) inParts.add(part);
          expect(inParts.value).toBe(fed(make(), batchOf(rows)).value);
        }
      }),
    );
  });

  it('count every row once in the confusion matrix', () => {
    fc.assert(
      fc.property(scored, (rows) => {
        const counts = fed(new ConfusionMatrix(rows.classes), batchOf(rows)).toRows().flat();
        expect(counts.reduce((a, b) => a + b, 0)).toBe(rows.labels.length);
      }),
    );
  });

  it('clip the log-loss of a row at float64 epsilon', () => {
    expect(rowLogLoss(0)).toBe(-Math.log(2.220446049250313e-16));
    expect(rowLogLoss(1)).toBe(-Math.log(1 - 2.220446049250313e-16));
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clusteredRows } from '../../../test/stage-rig.ts';
import type { EpochRecord } from '../artifacts.ts';
import { epochOrder, maskKeys } from './epoch-order.ts';
import { classifierNetwork, completeLayers } from './layer-list.ts';
import { completeSchedule, rateOfNextEpoch } from './learning-rate.ts';
import { bestEpoch, epochsSinceImprovement, shouldStop } from './monitor.ts';
import { completeOptimizer } from './optimizer-settings.ts';
import { completeTraining } from './training-settings.ts';

const kernels = { init: 'glorot-uniform', l2: 0 } as const;

function historyOf(...losses: number[]): EpochRecord[] {
  return losses.map((loss, i) => ({
    epoch: i + 1,
    loss,
    'validation-loss': loss,
    'validation-accuracy': 1 - loss,
    'learning-rate': 1,
  }));
}

describe('layers', () => {
  it("writes out shorthands with Keras' defaults and names by type and number", () => {
    const layers = completeLayers(
      [
        { conv2d: { filters: 32, size: 5, activation: 'relu' } },
        { 'max-pool': 4 },
        'flatten',
        { dense: 64 },
        { dropout: 0.5 },
        'batch-norm',
        { dense: { units: 3, l1: 0.1, bias: false } },
      ],
      kernels,
    );
    expect(layers).toEqual([
      {
        type: 'conv2d',
        name: 'conv2d_1',
        filters: 32,
        size: [5, 5],
        strides: [1, 1],
        padding: 'valid',
        activation: 'relu',
        bias: true,
        init: 'glorot-uniform',
      },
      { type: 'max-pool', name: 'max_pool_1', size: [4, 4], strides: [4, 4], padding: 'valid' },
      { type: 'flatten', name: 'flatten_1' },
      { type: 'dense', name: 'dense_1', units: 64, activation: 'linear', bias: true, init: 'glorot-uniform' },
      { type: 'dropout', name: 'dropout_1', rate: 0.5 },
      { type: 'batch-norm', name: 'batch_norm_1', momentum: 0.99, epsilon: 0.001 },
      {
        type: 'dense',
        name: 'dense_2',
        units: 3,
        activation: 'linear',
        bias: false,
        init: 'glorot-uniform',
        regularization: { l1: 0.1, l2: 0 },
      },
    ]);
  });

  it('makes a shorthand and its long form the same', () => {
    expect(completeLayers([{ dense: 5 }], kernels)).toEqual(
      completeLayers([{ dense: { units: 5, activation: 'linear', bias: true, l2: 0 } }], kernels),
    );
    expect(completeOptimizer('adam')).toEqual(completeOptimizer({ adam: { learningRate: 0.001 } }));
    expect(completeTraining({})).toEqual(
      completeTraining({ epochs: 20, batch: 128, optimizer: 'adam', earlyStopping: 'none' }),
    );
  });

  it('adds the logits, and flattens an image once where the list does not', () => {
    const types = (layers: Parameters<typeof completeLayers>[0], input: number[]) =>
      classifierNetwork('n', input, completeLayers(layers, kernels), 7, kernels).layers.map(({ type }) => type);
    expect(types([], [4])).toEqual(['dense']);
    expect(types([{ dense: 5 }], [2, 2, 3])).toEqual(['flatten', 'dense', 'dense']);
    expect(types(['global-average-pool', { dense: 5 }], [2, 2, 3])).toEqual(['global-average-pool', 'dense', 'dense']);
    expect(classifierNetwork('n', [4], [], 7, { init: 'he-normal', l2: 0.01 }).layers[0]).toMatchObject({
      name: 'logits',
      units: 7,
      init: 'he-normal',
      regularization: { l1: 0, l2: 0.01 },
    });
  });
});

describe('learning-rate schedules', () => {
  const rates = (given: Parameters<typeof completeSchedule>[0], epochs: number) =>
    Array.from({ length: epochs }, (_, epoch) =>
      rateOfNextEpoch(completeSchedule(given), 1, historyOf(...Array(epoch).fill(0)), epochs),
    );

  it('follow their formulas', () => {
    expect(rates('constant', 3)).toEqual([1, 1, 1]);
    expect(rates({ step: { every: 2, factor: 0.5 } }, 5)).toEqual([1, 1, 0.5, 0.5, 0.25]);
    expect(rates({ exponential: { factor: 0.5 } }, 3)).toEqual([1, 0.5, 0.25]);
    expect(rates('cosine', 3).map((rate) => rate.toFixed(12))).toEqual([
      '1.000000000000',
      '0.500000000000',
      '0.000000000000',
    ]);
    expect(rates({ cosine: { final: 0.2 } }, 1)).toEqual([1]);
  });

  it("reduce on a plateau as Keras' ReduceLROnPlateau does", () => {
    const schedule = completeSchedule({ reduceOnPlateau: { factor: 0.5, patience: 2, minimum: 0.2 } });
    const losses = [1, 0.9, 0.95, 0.95, 0.95, 0.95, 0.5, 0.6, 0.6, 0.6, 0.6];
    // Epochs 2 and 3 wait: cut after 4 epochs; 4 and 5 wait again: cut after 6; 6 improves; 7 and 8: the minimum.
    const expected = [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2];
    expect(
      Array.from({ length: losses.length + 1 }, (_, n) =>
        rateOfNextEpoch(schedule, 1, historyOf(...losses.slice(0, n)), 20),
      ),
    ).toEqual(expected);
  });
});

describe('early stopping', () => {
  it('stops after `patience` epochs without improvement', () => {
    const stopping = { monitor: 'validation-loss', patience: 2, restoreBest: true } as const;
    expect(
      [[1], [1, 2], [1, 2, 1], [2, 1, 3], [2, 1, 3, 1]].map((losses) => shouldStop(stopping, historyOf(...losses))),
    ).toEqual([false, false, true, false, true]);
    expect(shouldStop(null, historyOf(1, 2, 3, 4))).toBe(false);
  });

  it('counts accuracy upwards, and the first of equal epochs as the best', () => {
    expect(bestEpoch(historyOf(0.4, 0.2, 0.2, 0.3), 'validation-accuracy')).toBe(1);
    expect(epochsSinceImprovement(historyOf(0.4, 0.2, 0.2, 0.3), 'loss')).toBe(2);
    expect(bestEpoch([], 'loss')).toBeUndefined();
  });
});

describe('the order of an epoch', () => {
  const { table } = clusteredRows({ train: 40 });
  const rows = table.rowsOf('train');

  it('is a permutation that differs by epoch and seed and repeats itself', () => {
    const order = epochOrder(table, rows, 1, 0);
    expect([...order].sort((a, b) => a - b)).toEqual([...rows]);
    expect(epochOrder(table, rows, 1, 0)).toEqual(order);
    expect(epochOrder(table, rows, 1, 1)).not.toEqual(order);
    expect(epochOrder(table, rows, 2, 0)).not.toEqual(order);
  });

  it('keeps the relative order of rows when others are added or the table is reordered', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...rows], { minLength: 2 }), fc.nat(5), (some, epoch) => {
        const names = (order: Uint32Array) => Array.from(order, (row) => table.name(row));
        const whole = names(epochOrder(table, rows, 3, epoch)).filter((name) =>
          some.some((row) => table.name(row) === name),
        );
        expect(names(epochOrder(table, Uint32Array.from(some), 3, epoch))).toEqual(whole);
      }),
    );
  });

  it('keys dropout masks by the first eight bytes of the digest, little-endian', () => {
    const key = Buffer.from(table.key(3));
    expect([...maskKeys(table, Uint32Array.of(3))]).toEqual([key.readUInt32LE(0), key.readUInt32LE(4)]);
  });
});

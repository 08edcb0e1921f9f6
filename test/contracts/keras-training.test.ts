/** Training against Keras 3: the same weights and batches give the same loss curve and end at the same weights. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { TrainProgram } from '../../src/engines/engine.ts';
import { engineAdapters } from '../../src/engines/index.ts';
import type { Optimizer } from '../../src/networks/optimizer.ts';
import { value } from './engine-contract.ts';

interface Vectors {
  readonly steps: number;
  readonly rows: number;
  readonly inputs: number;
  readonly hidden: number;
  readonly classes: number;
  readonly factors: readonly number[];
  readonly kernel1: readonly number[];
  readonly bias1: readonly number[];
  readonly kernel2: readonly number[];
  readonly bias2: readonly number[];
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly optimizers: Readonly<
    Record<
      string,
      {
        readonly settings: { readonly learning_rate: number };
        readonly losses: readonly number[];
        readonly weights: readonly (readonly number[])[];
      }
    >
  >;
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../vectors/keras-training/vectors.json', import.meta.url), 'utf8'),
);

// Keras' defaults, written out; the rates are the vectors'.
const optimizers: Readonly<Record<string, Optimizer>> = {
  sgd: { type: 'sgd', learningRate: 0.1, momentum: 0, nesterov: false, decay: 0 },
  momentum: { type: 'sgd', learningRate: 0.05, momentum: 0.9, nesterov: false, decay: 0 },
  nesterov: { type: 'sgd', learningRate: 0.05, momentum: 0.9, nesterov: true, decay: 0 },
  rmsprop: { type: 'rmsprop', learningRate: 0.01, rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false, decay: 0 },
  adam: { type: 'adam', learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, decay: 0 },
  adamax: { type: 'adamax', learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, decay: 0 },
  adagrad: { type: 'adagrad', learningRate: 0.05, initialAccumulator: 0.1, epsilon: 1e-7, decay: 0 },
  adadelta: { type: 'adadelta', learningRate: 1, rho: 0.95, epsilon: 1e-7, decay: 0 },
};

describe('training equals Keras 3 to 1e-5 over 20 steps, with a schedule, tiny gradients and a dead relu', () => {
  it.each(Object.keys(vectors.optimizers))('%s', async (name) => {
    const expected = vectors.optimizers[name];
    const optimizer = optimizers[name];
    const adapter = engineAdapters.find(({ id }) => id === 'ort');
    if (!expected || !optimizer || !adapter) throw new Error(`no row for ${name}`);
    const { inputs, hidden, classes, rows } = vectors;
    const tensor = (shape: readonly number[], data: readonly number[]) => ({ shape, data: Float32Array.from(data) });
    const names = ['hidden/kernel', 'hidden/bias', 'logits/kernel', 'logits/bias'];
    const program: TrainProgram = {
      network: {
        name: 'head',
        input: [inputs],
        layers: [
          { type: 'dense', name: 'hidden', units: hidden, activation: 'relu', bias: true, init: 'zeros' },
          { type: 'dense', name: 'logits', units: classes, activation: 'linear', bias: true, init: 'zeros' },
        ],
      },
      weights: new Map([
        ['hidden/kernel', tensor([inputs, hidden], vectors.kernel1)],
        ['hidden/bias', tensor([hidden], vectors.bias1)],
        ['logits/kernel', tensor([hidden, classes], vectors.kernel2)],
        ['logits/bias', tensor([classes], vectors.bias2)],
      ]),
      classes,
      loss: 'cross-entropy',
      optimizer,
      batch: rows,
      frozen: [],
      rateFactors: {},
      seed: 0,
    };
    const engine = value(await adapter.open({ threads: 2, device: 'cpu' }));
    const session = value(await engine.openTraining(program));
    for (let step = 0; step < vectors.steps; step++) {
      const { loss } = await session.step({
        input: Float32Array.from(vectors.x.slice(step * rows * inputs, (step + 1) * rows * inputs)),
        rows,
        labels: Int32Array.from(vectors.y.slice(step * rows, (step + 1) * rows)),
        rowKeys: new Uint32Array(rows * 2),
        epoch: 0,
        learningRate: optimizer.learningRate * (vectors.factors[step] ?? 1),
      });
      expect(Math.abs(loss - (expected.losses[step] ?? Number.NaN)), `loss of step ${step}`).toBeLessThan(1e-5);
    }
    const { weights } = await session.state();
    names.forEach((weight, i) => {
      weights.get(weight)?.data.forEach((number, at) => {
        expect(Math.abs(number - (expected.weights[i]?.[at] ?? Number.NaN)), `${weight}[${at}]`).toBeLessThan(1e-5);
      });
    });
    await engine.close();
  });
});

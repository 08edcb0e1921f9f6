/** Steps on an input that two trainings share, against the same steps on inputs of their own. */
import { expect, it } from 'vitest';
import type { Result } from '../../base/result.ts';
import { randomWeights } from '../../networks/initializers.ts';
import type { Network } from '../../networks/network.ts';
import type { TrainBatch, TrainProgram } from '../engine.ts';
import { ortAdapter } from '../ort/ort-adapter.ts';
import { SharedInput } from '../shared-input.ts';
import { SentInputs } from './sent-inputs.ts';

const [rows, width, steps] = [4, 6, 5];

function value<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

const network: Network = {
  name: 'head',
  input: [width],
  layers: [{ type: 'dense', name: 'logits', units: 3, activation: 'linear', bias: true, init: 'glorot-uniform' }],
};

function program(learningRate: number): TrainProgram {
  return {
    network,
    weights: value(randomWeights(network, 5)),
    classes: 3,
    loss: 'cross-entropy',
    optimizer: { type: 'sgd', learningRate, momentum: 0.9, nesterov: false, decay: 0 },
    batch: rows,
    frozen: [],
    rateFactors: {},
    seed: 1,
  };
}

const inputOf = (step: number) => Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i * 7 + step * 3));

function batchOf(step: number, learningRate: number, shared?: SharedInput): TrainBatch {
  return {
    input: shared?.numbers ?? inputOf(step),
    shared,
    rows,
    labels: Int32Array.from({ length: rows }, (_, i) => (i + step) % 3),
    rowKeys: new Uint32Array(rows * 2),
    epoch: step,
    learningRate,
  };
}

it('gives what inputs of their own give, and leaves the shared one to be read', async () => {
  const engine = value(await ortAdapter.open({ threads: 1, device: 'cpu', warn: () => {} }));
  const rates = [0.1, 0.3];
  const own = await Promise.all(rates.map(async (rate) => value(await engine.openTraining(program(rate)))));
  const sharing = await Promise.all(rates.map(async (rate) => value(await engine.openTraining(program(rate)))));
  for (let step = 0; step < steps; step++) {
    const shared = new SharedInput(inputOf(step));
    const losses = await Promise.all(
      sharing.map((session, i) => session.step(batchOf(step, rates[i] ?? 0, shared)).then(({ loss }) => loss)),
    );
    const alone = await Promise.all(
      own.map((session, i) => session.step(batchOf(step, rates[i] ?? 0)).then(({ loss }) => loss)),
    );
    expect(losses).toEqual(alone);
    expect(shared.numbers).toEqual(inputOf(step));
    const predictions = await Promise.all(
      sharing.map((session) => session.predict({ input: shared.numbers, rows, shared })),
    );
    expect(predictions).toEqual(
      await Promise.all(own.map((session) => session.predict({ input: inputOf(step), rows }))),
    );
    shared.release();
  }
  for (const [i, session] of sharing.entries()) expect(await session.state()).toEqual(await own[i]?.state());
  await engine.close();
});

it('sends a shared input once, and the next one in the memory of one that was forgotten', async () => {
  const forgotten: number[] = [];
  const returned = inputOf(9);
  const inputs = new SentInputs(async (number) => {
    forgotten.push(number);
    return { numbers: returned };
  });
  const [first, second] = [new SharedInput(inputOf(1)), new SharedInput(inputOf(2))];
  expect(inputs.send(first.numbers, first)).toEqual({ numbers: inputOf(1), shared: 0 });
  expect(inputs.send(first.numbers, first.retain())).toEqual({ shared: 0 });
  first.release();
  expect(forgotten).toEqual([]);
  first.release();
  expect(forgotten).toEqual([0]);
  await new Promise(setImmediate);
  const sent = inputs.send(second.numbers, second);
  expect(sent).toEqual({ numbers: inputOf(2), shared: 1 });
  expect(sent.numbers).toBe(returned);
  expect(() => first.release()).toThrow('released twice');
  expect(() => first.retain()).toThrow('after its release');
});

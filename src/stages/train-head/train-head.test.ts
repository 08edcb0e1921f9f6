import { readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { clusteredRows, StageRig } from '../../../test/stage-rig.ts';
import type { Json } from '../../base/json.ts';
import { eagerEngine } from '../../engines/eager/eager-engine.ts';
import type { Engine } from '../../engines/engine.ts';
import { float32Of, readSafetensors } from '../../files/safetensors.ts';
import type { FeaturesArtifact, ModelArtifact } from '../artifacts.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import { trainHead } from './index.ts';
import { body } from './run.ts';

let rig: StageRig;
beforeEach(() => {
  rig = new StageRig();
});
afterEach(() => rig[Symbol.dispose]());

const settings = {
  layers: [{ dense: { units: 8, activation: 'relu' } }, { dropout: 0.25 }],
  epochs: 6,
  batch: 8,
  optimizer: { adam: { learningRate: 0.02 } },
};

async function outcomeOf(given: Json, context: RunContext) {
  return body.run(trainHead.complete(given), context);
}

async function modelOf(given: Json, context: RunContext): Promise<ModelArtifact> {
  const outcome = await outcomeOf(given, context);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.error));
  const model = outcome.value.artifacts['model'];
  if (model?.type !== 'model') throw new Error('no model');
  return model;
}

async function failureOf(given: Json, context: RunContext): Promise<StageFailure> {
  const outcome = await outcomeOf(given, context);
  if (outcome.ok) throw new Error('it did not fail');
  return outcome.error;
}

async function clusters(
  options: Parameters<typeof clusteredRows>[0] = { train: 30, validation: 12 },
): Promise<FeaturesArtifact> {
  const { table, numbers, shape } = clusteredRows(options);
  return rig.features(table, shape, numbers);
}

/** The reference engine, calling `before` ahead of every step. */
async function spiedEngine(before: (step: number) => void): Promise<Engine> {
  await tf.setBackend('cpu');
  const engine = eagerEngine({ engine: 'tfjs-cpu', version: tf.version_core, device: 'cpu' });
  let steps = 0;
  return {
    ...engine,
    async openTraining(program) {
      const session = await engine.openTraining(program);
      if (!session.ok) return session;
      const { value } = session;
      return {
        ok: true,
        value: {
          step: (batch) => {
            before(steps++);
            return value.step(batch);
          },
          predict: (input) => value.predict(input),
          state: () => value.state(),
          restore: (state) => value.restore(state),
          close: () => value.close(),
        },
      };
    },
  };
}

describe('train-head', () => {
  it('learns, and records each epoch', async () => {
    const model = await modelOf(
      { ...settings, epochs: 20 },
      rig.context({ inputs: { data: await clusters({ train: 30, validation: 12, noise: 0.2 }) } }),
    );
    expect(model.history).toHaveLength(20);
    expect(model.history[19]?.loss).toBeLessThan((model.history[0]?.loss ?? 0) / 2);
    expect(model.history[19]?.['validation-accuracy']).toBeGreaterThan(0.9);
    expect(model.network.layers.map(({ name }) => name)).toEqual(['dense_1', 'dropout_1', 'logits']);
    expect(model.network.layers.at(-1)).toMatchObject({ units: 3, activation: 'linear' });
    expect(rig.cache.blobs.has(model.weights)).toBe(true);
  });

  it('gives the same bytes twice, and others under another seed', async () => {
    const data = await clusters();
    const [first, again, other] = [
      await modelOf(settings, rig.context({ inputs: { data } })),
      await modelOf(settings, rig.context({ inputs: { data } })),
      await modelOf(settings, rig.context({ inputs: { data }, seed: 8 })),
    ];
    expect(again).toEqual(first);
    expect(other.weights).not.toBe(first.weights);
  });

  it('does not depend on the order of the rows', async () => {
    const { table, numbers, shape } = clusteredRows({ train: 30, validation: 12 });
    const reversed = table.select(Array.from({ length: table.count }, (_, i) => table.count - 1 - i));
    const data = await rig.features(table, shape, numbers);
    const first = await modelOf(settings, rig.context({ inputs: { data } }));
    const second = await modelOf(
      settings,
      rig.context({ inputs: { data: { ...data, rows: await rig.put(reversed) } } }),
    );
    expect(second).toEqual(first);
  });

  it.each([0, 3, 4, 9])('ends with the same bits when interrupted before step %i and resumed', async (stop) => {
    const data = await clusters();
    const given = { ...settings, epochs: 4, earlyStopping: { patience: 3 } };
    const whole = await modelOf(given, rig.context({ inputs: { data } }));
    const controller = new AbortController();
    const engine = await spiedEngine((step) => step === stop && controller.abort());
    const checkpoints = join(rig.folder, 'resumed');
    expect(
      await failureOf(given, rig.context({ inputs: { data }, engine, checkpoints, signal: controller.signal })),
    ).toEqual({ reason: 'interrupted' });
    let steps = 0;
    const counting = await spiedEngine(() => steps++);
    const resumed = await modelOf(given, rig.context({ inputs: { data }, engine: counting, checkpoints }));
    expect(resumed).toEqual(whole);
    expect(steps).toBe(4 * 4 - stop - 1);
  });

  it('goes on from the last whole checkpoint when it dies in a step, and from the one before when that is damaged', async () => {
    const data = await clusters();
    const given = { ...settings, epochs: 8 };
    const whole = await modelOf(given, rig.context({ inputs: { data } }));
    const checkpoints = join(rig.folder, 'killed');
    // On a clock that only steps move, a checkpoint costs nothing, so that each epoch's is due.
    let clock = 0;
    const ticking = vi.spyOn(performance, 'now').mockImplementation(() => clock);
    const dying = await spiedEngine((step) => {
      clock += 1000;
      if (step === 30) throw new Error('killed');
    });
    await expect(outcomeOf(given, rig.context({ inputs: { data }, engine: dying, checkpoints }))).rejects.toThrow(
      'killed',
    );
    ticking.mockRestore();
    const kept = readdirSync(checkpoints)
      .filter((file) => file.endsWith('.safetensors'))
      .sort();
    expect(kept).toHaveLength(2);
    truncateSync(join(checkpoints, kept[1] ?? ''), 100);
    let steps = 0;
    const counting = await spiedEngine(() => steps++);
    const resumed = await modelOf(given, rig.context({ inputs: { data }, engine: counting, checkpoints }));
    expect(resumed).toEqual(whole);
    expect(steps).toBeLessThan(32);
    expect(steps).toBeGreaterThan(4);
  });

  it('starts anew under --force', async () => {
    const data = await clusters();
    const checkpoints = join(rig.folder, 'forced');
    const controller = new AbortController();
    const engine = await spiedEngine((step) => step === 6 && controller.abort());
    await failureOf(settings, rig.context({ inputs: { data }, engine, checkpoints, signal: controller.signal }));
    let steps = 0;
    const counting = await spiedEngine(() => steps++);
    await modelOf(settings, rig.context({ inputs: { data }, engine: counting, checkpoints, force: true }));
    expect(steps).toBe(6 * 4);
  });

  it('stops a diverging training, names the step and suggests a rate', async () => {
    const data = await clusters();
    const failure = await failureOf(
      { ...settings, optimizer: { sgd: { learningRate: 1e30 } } },
      rig.context({ inputs: { data } }),
    );
    expect(failure).toMatchObject({
      reason: 'diagnostics',
      diagnostics: [
        {
          code: 'S010',
          message: expect.stringMatching(/at step \d+ of epoch 1, with the learning rate 1e\+30/),
          help: expect.stringContaining('learningRate: 0.01 '),
        },
      ],
    });
  });

  it('stops early and gives the best epoch', async () => {
    const data = await clusters({ train: 30, validation: 12, noise: 3 });
    const given = {
      ...settings,
      epochs: 60,
      optimizer: { adam: { learningRate: 0.1 } },
      earlyStopping: { patience: 2 },
    };
    const model = await modelOf(given, rig.context({ inputs: { data } }));
    const losses = model.history.map((record) => record['validation-loss'] ?? 0);
    const best = losses.indexOf(Math.min(...losses));
    expect(model.history.length).toBeLessThan(60);
    expect(best).toBe(model.history.length - 3);
    const shorter = await modelOf(
      { ...given, epochs: best + 1, earlyStopping: 'none' },
      rig.context({ inputs: { data } }),
    );
    expect(model.weights).toBe(shorter.weights);
  });

  it('weighs classes: balanced is the map that scikit-learn computes', async () => {
    const { table, numbers, shape } = clusteredRows({ train: 20, classes: 2 });
    const rows = [...Array(20).keys()].filter((row) => row % 2 === 0 || row < 6);
    const data = await rig.features(table, shape, numbers);
    const uneven = { ...data, rows: await rig.put(table.select(rows)) };
    const balanced = await modelOf(
      { ...settings, classWeights: 'balanced' },
      rig.context({ inputs: { data: uneven } }),
    );
    const mapped = await modelOf(
      { ...settings, classWeights: { 'class 0': 13 / 20, 'class 1': 13 / 6 } },
      rig.context({ inputs: { data: uneven } }),
    );
    const plain = await modelOf(settings, rig.context({ inputs: { data: uneven } }));
    expect(balanced).toEqual(mapped);
    expect(balanced.weights).not.toBe(plain.weights);
  });

  it('names a class weight that is no class', async () => {
    const failure = await failureOf(
      { ...settings, classWeights: { 'class 9': 2 } },
      rig.context({ inputs: { data: await clusters() } }),
    );
    expect(failure).toMatchObject({ diagnostics: [{ code: 'S013', help: expect.stringContaining('"class 0"') }] });
  });

  it('D11 refuses one class and no labels, and warns of a class without training rows', async () => {
    const { table, numbers, shape } = clusteredRows({ train: 9 });
    const data = await rig.features(table, shape, numbers);
    const only = async (keep: (row: number) => boolean) =>
      rig.context({
        inputs: { data: { ...data, rows: await rig.put(table.select([...Array(9).keys()].filter(keep))) } },
      });
    expect(await failureOf(settings, await only((row) => row % 3 === 1))).toMatchObject({
      diagnostics: [{ code: 'S011', message: expect.stringContaining('"class 1"') }],
    });
    expect(await failureOf(settings, await only(() => false))).toMatchObject({ diagnostics: [{ code: 'S011' }] });
    await modelOf(settings, await only((row) => row % 3 !== 2));
    expect(rig.warnings).toMatchObject([
      { code: 'S012', severity: 'warning', message: expect.stringContaining('"class 2"') },
    ]);
  });

  it('asks for the extraction again when rows are missing', async () => {
    const data = await clusters({ train: 30 });
    const larger = clusteredRows({ train: 33 }).table;
    const failure = await failureOf(
      settings,
      rig.context({ inputs: { data: { ...data, rows: await rig.put(larger) } } }),
    );
    expect(failure).toMatchObject({ reason: 'damaged-input', port: 'data' });
  });

  it('refuses to monitor a validation split that is not there', async () => {
    const data = await clusters({ train: 30 });
    const failure = await failureOf({ ...settings, earlyStopping: {} }, rig.context({ inputs: { data } }));
    expect(failure).toMatchObject({ diagnostics: [{ code: 'S014' }] });
    await modelOf({ ...settings, earlyStopping: { monitor: 'loss' } }, rig.context({ inputs: { data } }));
  });

  it('reads float16 features, and images as features through an implied flatten', async () => {
    const { table, numbers } = clusteredRows({ train: 12, width: 8 });
    const data = await rig.features(table, [2, 2, 2], numbers, 'float16');
    const model = await modelOf({ epochs: 2 }, rig.context({ inputs: { data } }));
    expect(model.network.layers.map(({ type }) => type)).toEqual(['flatten', 'dense']);
    expect(model.history[0]).not.toHaveProperty('validation-loss');
  });

  it('standardizes by the mean and variance of the training rows, which stay as they are', async () => {
    const { table, numbers, shape } = clusteredRows({ train: 30, validation: 12 });
    const moved = numbers.map((x, i) => (i % 4 === 0 ? 1000 + 50 * x : i % 4 === 1 ? 7 : x));
    const data = await rig.features(table, shape, moved);
    const model = await modelOf({ ...settings, standardize: true, epochs: 20 }, rig.context({ inputs: { data } }));
    const stored = readSafetensors(readFileSync(rig.cache.blobs.path(model.weights)));
    const numbersOf = (name: string) => {
      const tensor = stored.ok ? stored.value.get(name) : undefined;
      return tensor ? [...float32Of(tensor)] : [];
    };
    const column = Array.from({ length: 30 }, (_, row) => moved[row * 4] ?? 0);
    const mean = column.reduce((a, b) => a + b) / 30;
    const variance = column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 30;
    expect(numbersOf('standardize/mean')[0]).toBe(Math.fround(mean));
    expect(numbersOf('standardize/variance')[0] ?? 0).toBeCloseTo(variance, 2);
    expect(numbersOf('standardize/variance')[1]).toBe(0);
    expect(numbersOf('standardize/gamma')).toEqual([1, 1, 1, 1]);
    expect(model.history.at(-1)?.loss).toBeLessThan((model.history[0]?.loss ?? 0) / 2);
  });

  it('says which layer does not fit', async () => {
    const failure = await failureOf(
      { layers: [{ 'max-pool': 2 }] },
      rig.context({ inputs: { data: await clusters() } }),
    );
    expect(failure).toMatchObject({ diagnostics: [{ code: 'M002', message: expect.stringContaining('max_pool_1') }] });
  });
});

/** Classifiers against scikit-learn at the same minimum, and what else is promised of them. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clusteredRows, StageRig } from '../../../test/stage-rig.ts';
import { digestOf } from '../../base/digest.ts';
import type { Json } from '../../base/json.ts';
import { ok } from '../../base/result.ts';
import { fitSigmoid } from '../../classifiers/sigmoid-calibration.ts';
import { type Row, RowTable, UNLABELLED } from '../../data/row-table.ts';
import { decodeNpy } from '../../files/npy.ts';
import { float32Of, readSafetensors } from '../../files/safetensors.ts';
import type { FeaturesArtifact, ModelArtifact } from '../artifacts.ts';
import type { InputSource } from '../inputs/input-batches.ts';
import { predict } from '../predict/index.ts';
import { body as predictBody } from '../predict/run.ts';
import { completeClassifier } from './classifier-settings.ts';
import { trainHead } from './index.ts';
import { fitSvm, positiveClasses } from './linear-fit.ts';
import { body } from './run.ts';

interface SvmAnswer {
  readonly weights: readonly (readonly number[])[];
  readonly intercepts: readonly number[];
  readonly probabilities: readonly (readonly number[])[];
}
interface Case {
  readonly name: string;
  readonly classes: number;
  readonly width: number;
  readonly train: { readonly x: readonly number[]; readonly y: readonly number[]; readonly folds: readonly number[] };
  readonly new: { readonly x: readonly number[] };
  readonly answers: Readonly<Record<string, readonly (readonly number[])[]>> &
    Readonly<Record<'svm 0.01' | 'svm 1' | 'svm 100', SvmAnswer>> & {
      readonly components: number;
      readonly centroid: readonly number[];
    };
}

const file = new URL('../../../test/vectors/sklearn-classifiers/vectors.json', import.meta.url);
const { cases }: { readonly cases: readonly Case[] } = JSON.parse(readFileSync(file, 'utf8'));

let rig: StageRig;
beforeEach(() => {
  rig = new StageRig();
});
afterEach(() => rig[Symbol.dispose]());

/** The rows of a case as a features artifact; `from` leaves the first ones out, `known` asks about the first training row first. */
function featuresOf(given: Case, { from = 0, known = false } = {}): Promise<FeaturesArtifact> {
  const rows: Row[] = [];
  const numbers: number[] = [];
  const add = (split: 'train' | 'test', label: number, x: readonly number[]) => {
    const name = `${split}/${rows.length}.png`;
    rows.push({ split, part: split, label, key: Buffer.from(digestOf(name), 'hex'), name });
    numbers.push(...x);
  };
  const rowOf = (x: readonly number[], row: number) => x.slice(row * given.width, (row + 1) * given.width);
  given.train.y.forEach((label, row) => {
    if (row >= from) add('train', label, rowOf(given.train.x, row));
  });
  for (let row = 0; row < given.new.x.length / given.width; row++)
    add('test', UNLABELLED, known && row === 0 ? rowOf(given.train.x, 0) : rowOf(given.new.x, row));
  const classes = Array.from({ length: given.classes }, (_, c) => `class ${c}`);
  return rig.features(RowTable.from(classes, rows), [given.width], Float32Array.from(numbers));
}

async function fitted(given: Json, data: FeaturesArtifact, seed?: number): Promise<ModelArtifact> {
  const outcome = await body.run(trainHead.complete(given), rig.context({ inputs: { data }, ...(seed && { seed }) }));
  const artifact = outcome.ok ? outcome.value.artifacts['model'] : undefined;
  if (artifact?.type !== 'model') throw new Error(JSON.stringify(outcome));
  return artifact;
}

async function failureOf(given: Json, data: FeaturesArtifact) {
  const outcome = await body.run(trainHead.complete(given), rig.context({ inputs: { data } }));
  if (outcome.ok) throw new Error('it went well');
  return outcome.error;
}

async function probabilities(given: Json, data: FeaturesArtifact): Promise<number[][]> {
  const model = await fitted(given, data);
  return asked(model, data);
}

async function asked(model: ModelArtifact, data: FeaturesArtifact): Promise<number[][]> {
  const outcome = await predictBody.run(predict.complete({}), rig.context({ inputs: { model, data } }));
  const artifact = outcome.ok ? outcome.value.artifacts['predictions'] : undefined;
  if (artifact?.type !== 'predictions') throw new Error(JSON.stringify(outcome));
  const { shape, numbers } = decodeNpy(readFileSync(rig.cache.blobs.path(artifact.probabilities)));
  const classes = shape[1] ?? 1;
  return Array.from({ length: shape[0] ?? 0 }, (_, row) => [...numbers.slice(row * classes, (row + 1) * classes)]);
}

/** The greatest difference of two tables. */
function distance(a: readonly (readonly number[])[], b: readonly (readonly number[])[] | undefined): number {
  expect(a.map((row) => row.length)).toEqual(b?.map((row) => row.length));
  return Math.max(...a.flatMap((row, i) => row.map((x, j) => Math.abs(x - (b?.[i]?.[j] ?? Number.NaN)))));
}

const exact = { tolerance: 1e-12, maxSteps: 1000 };

describe.each(cases)('scikit-learn, $name', (given) => {
  it.each([0.01, 1, 100])('logistic regression, C = %d', async (C) => {
    const settings = { classifier: { 'logistic-regression': { C, ...exact } } };
    expect(
      distance(await probabilities(settings, await featuresOf(given)), given.answers[`logistic ${C}`]),
    ).toBeLessThan(2e-6);
  });

  it('logistic regression of standardized features, of components, with balanced classes', async () => {
    const classifier = { 'logistic-regression': exact };
    const data = await featuresOf(given);
    const apart = async (settings: Readonly<Record<string, Json>>, answer: string, rows = data) =>
      distance(await probabilities({ classifier, ...settings }, rows), given.answers[answer]);
    expect(await apart({ standardize: true }, 'logistic standardized')).toBeLessThan(1e-5);
    expect(await apart({ pca: 3 }, 'logistic of 3 components')).toBeLessThan(1e-5);
    expect(await apart({ pca: 0.8 }, 'logistic of 80 %')).toBeLessThan(1e-5);
    const fewer = await featuresOf(given, { from: Math.floor(given.train.y.length / 3) });
    expect(await apart({ classWeights: 'balanced' }, 'logistic balanced', fewer)).toBeLessThan(2e-6);
    const model = await fitted({ classifier, pca: 0.8 }, data);
    expect(model.network.layers.map((layer) => ('units' in layer ? layer.units : 0))).toEqual([
      given.answers.components,
      given.classes,
    ]);
  });

  it.each([0.01, 1, 100] as const)('linear SVM and its probabilities, C = %d', async (C) => {
    const answer = given.answers[`svm ${C}`];
    const labels = Int32Array.from(given.train.y);
    const rows = {
      order: Uint32Array.from(labels.keys()),
      present: Array.from({ length: given.classes }, (_, c) => c),
      labels,
      folds: Uint8Array.from(given.train.folds),
    };
    const settings = completeClassifier({ 'linear-svm': { C, ...exact } });
    if (settings.type !== 'linear-svm') throw new Error('another classifier');
    const fit = await fitSvm(
      { settings, source: memorySource(given), rows, costs: new Float64Array(labels.length).fill(C) },
      rig.context({ inputs: {} }),
    );
    if (!fit.ok) throw new Error(JSON.stringify(fit));
    const { weights, intercepts, heldOut } = fit.value;
    const own = answer.weights.map((_, v) => [...weights.subarray(v * given.width, (v + 1) * given.width)]);
    expect(distance(own, answer.weights)).toBeLessThan(1e-6);
    expect(distance([[...intercepts]], [answer.intercepts])).toBeLessThan(1e-6);
    const positives = positiveClasses(rows);
    const sigmoids = positives.map((positive, v) =>
      fitSigmoid(
        Float64Array.from(labels, (_, i) => heldOut[i * positives.length + v] ?? 0),
        Array.from(labels, (label) => label === positive),
      ),
    );
    const made = answer.probabilities.map((_, row) => {
      const x = given.new.x.slice(row * given.width, (row + 1) * given.width);
      const sure = sigmoids.map(({ slope, offset }, v) => {
        const score = x.reduce((sum, value, j) => sum + value * (own[v]?.[j] ?? 0), intercepts[v] ?? 0);
        return 1 / (1 + Math.exp(-(slope * score + offset)));
      });
      const total = sure.reduce((a, b) => a + b, 0);
      return sure.length === 1 ? [1 - total, total] : sure.map((p) => p / total);
    });
    expect(distance(made, answer.probabilities)).toBeLessThan(2e-5);
  });

  it('nearest neighbours', async () => {
    const data = await featuresOf(given, { known: true });
    for (const metric of ['euclidean', 'cosine']) {
      for (const weights of ['uniform', 'distance']) {
        const votes = await probabilities({ classifier: { knn: { k: 3, metric, weights } } }, data);
        expect(distance(votes, given.answers[`knn ${metric} ${weights}`]), `${metric} ${weights}`).toBeLessThan(1e-6);
      }
    }
  });

  it('nearest centroid', async () => {
    const found = await probabilities({ classifier: 'nearest-centroid' }, await featuresOf(given));
    expect(found.map((row) => row.indexOf(Math.max(...row)))).toEqual(given.answers.centroid);
  });
});

/** The training rows of a case. */
function memorySource({ train, width }: Pick<Case, 'train' | 'width'>): InputSource {
  return {
    shape: [width],
    open(order, batch) {
      let at = 0;
      return {
        async next() {
          const rows = order.subarray(at, at + batch);
          at += batch;
          if (rows.length === 0) return ok(undefined);
          const input = Float32Array.from(
            rows.length === 0 ? [] : Array.from(rows, (row) => train.x.slice(row * width, (row + 1) * width)).flat(),
          );
          return ok({ input, rows });
        },
        recycle() {},
        async close() {},
      };
    },
  };
}

it('solves the SVM of many rows by their features: its gradient vanishes, and rows left out are scored by others', async () => {
  const { table, numbers, shape } = clusteredRows({ train: 1100, width: 5, noise: 1.5 });
  const given = { x: [...numbers], y: [...table.label], folds: Array.from({ length: 1100 }, (_, i) => i % 5) };
  const rows = {
    order: Uint32Array.from({ length: 1100 }, (_, i) => i),
    present: [0, 1, 2],
    labels: Int32Array.from(given.y),
    folds: Uint8Array.from(given.folds),
  };
  const settings = { type: 'linear-svm', C: 0.5, tolerance: 1e-10, maxSteps: 100 } as const;
  const source = memorySource({ train: given, width: shape[0] ?? 0 });
  const costs = new Float64Array(1100).fill(settings.C);
  const fit = await fitSvm({ settings, source, rows, costs }, rig.context({ inputs: {} }));
  if (!fit.ok) throw new Error(JSON.stringify(fit));
  const { weights, intercepts, heldOut } = fit.value;
  for (let v = 0; v < 3; v++) {
    const own = [...weights.subarray(v * 5, v * 5 + 5), intercepts[v] ?? 0];
    const gradient = [...own];
    rows.labels.forEach((label, row) => {
      const x = [...numbers.subarray(row * 5, row * 5 + 5), 1];
      const sign = label === v ? 1 : -1;
      const slack = Math.max(0, 1 - sign * x.reduce((sum, value, j) => sum + value * (own[j] ?? 0), 0));
      x.forEach((value, j) => {
        gradient[j] = (gradient[j] ?? 0) - 2 * settings.C * sign * slack * value;
      });
    });
    expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-5);
  }
  const scored = rows.labels.filter((label, row) => {
    const scores = [...heldOut.subarray(row * 3, row * 3 + 3)];
    return scores.indexOf(Math.max(...scores)) === label;
  });
  expect(scored.length / 1100).toBeGreaterThan(0.5);
});

async function clusters(options: Parameters<typeof clusteredRows>[0]): Promise<FeaturesArtifact> {
  const { table, numbers, shape } = clusteredRows(options);
  return rig.features(table, shape, numbers);
}

const every = ['linear-svm', 'logistic-regression', 'knn', 'nearest-centroid'] as const;

describe.each(every)('%s', (classifier) => {
  it('gives the same bits again, in whatever order the rows stand', async () => {
    const { table, numbers, shape } = clusteredRows({ train: 60, test: 6, width: 12 });
    const data = await rig.features(table, shape, numbers);
    const settings = { classifier, standardize: true, pca: 4 };
    const once = await fitted(settings, data);
    expect(await fitted(settings, data)).toEqual(once);
    const turned = { ...data, rows: await rig.put(table.select(Array.from({ length: 66 }, (_, i) => 65 - i))) };
    expect((await fitted(settings, turned)).weights).toBe(once.weights);
    expect(once.network.layers.slice(0, 2).map(({ name }) => name)).toEqual(['standardize', 'pca']);
  });

  it('gives probabilities that add up to 1, and none to a class without training rows', async () => {
    const { table, numbers, shape } = clusteredRows({ train: 40, test: 8, classes: 4, width: 6 });
    const rows = [...Array(48).keys()].filter((row) => row >= 40 || row % 4 !== 2);
    const data = await rig.features(table, shape, numbers);
    const found = await probabilities({ classifier }, { ...data, rows: await rig.put(table.select(rows)) });
    for (const row of found) {
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
      expect(row[2]).toBe(0);
      expect(Math.min(...row)).toBeGreaterThanOrEqual(0);
    }
    expect(rig.warnings).toMatchObject([{ code: 'S012' }]);
  });

  it('reads features that are images, float16', async () => {
    const { table, numbers } = clusteredRows({ train: 30, test: 6, width: 8, noise: 0.1 });
    const data = await rig.features(table, [2, 2, 2], numbers, 'float16');
    const found = await probabilities({ classifier, standardize: true }, data);
    expect(found.map((row) => row.indexOf(Math.max(...row)))).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('D11 refuses one class only', async () => {
    const { table, numbers, shape } = clusteredRows({ train: 9 });
    const data = await rig.features(table, shape, numbers);
    const only = { ...data, rows: await rig.put(table.select([0, 3, 6])) };
    expect(await failureOf({ classifier }, only)).toMatchObject({ diagnostics: [{ code: 'S011' }] });
  });
});

describe('settings of classifiers', () => {
  it('refuses what has no effect beside a classifier, at its place', async () => {
    const params = trainHead.complete({ classifier: 'knn', epochs: 3, layers: [], classWeights: 'balanced', pca: 2 });
    const context = { at: (pointer: string) => ({ file: 'p.yaml', line: pointer.length, column: 1 }) };
    const resolved = await trainHead.resolve?.(params, { ...rig.context({ inputs: {} }), ...context, ...resolving() });
    expect(resolved).toMatchObject({
      ok: false,
      error: [
        { code: 'S060', message: 'epochs has no effect beside classifier: knn', location: { line: 6 } },
        { code: 'S060', message: expect.stringContaining('layers') },
        { code: 'S060', message: expect.stringContaining('classWeights') },
      ],
    });
  });

  it('refuses more neighbours than rows', async () => {
    const failure = await failureOf({ classifier: { knn: { k: 10 } } }, await clusters({ train: 9 }));
    expect(failure).toMatchObject({ diagnostics: [{ code: 'S062', help: 'k may be at most 9' }] });
  });

  it('refuses more components than there are', async () => {
    const classifier = 'nearest-centroid';
    const data = await clusters({ train: 3, width: 8 });
    expect(await failureOf({ classifier, pca: 4 }, data)).toMatchObject({ diagnostics: [{ code: 'S063' }] });
    expect(await failureOf({ classifier, pca: 3 }, data)).toMatchObject({
      diagnostics: [{ code: 'S063', help: 'at most 2' }],
    });
  });

  it.each(['linear-svm', 'logistic-regression'])('%s says when it has not converged', async (type) => {
    const settings = { [type]: { C: 1000, maxSteps: 1, tolerance: 1e-12 } };
    const failure = await failureOf({ classifier: settings }, await clusters({ train: 60, noise: 2 }));
    expect(failure).toMatchObject({
      diagnostics: [{ code: 'S061', message: expect.stringContaining('after 1 Newton') }],
    });
  });

  it('stops when it is asked to', async () => {
    for (const classifier of every) {
      const controller = new AbortController();
      controller.abort();
      const context = rig.context({ inputs: { data: await clusters({ train: 30 }) }, signal: controller.signal });
      expect(await body.run(trainHead.complete({ classifier }), context)).toEqual({
        ok: false,
        error: { reason: 'interrupted' },
      });
    }
  });

  it('puts components before layers that are trained', async () => {
    const data = await clusters({ train: 60, test: 6, width: 12, noise: 0.2 });
    const given = {
      pca: 3,
      standardize: true,
      layers: [{ dense: 8 }],
      epochs: 30,
      batch: 16,
      optimizer: { adam: { learningRate: 0.05 } },
    };
    const model = await fitted(given, data);
    expect(model.network.layers.map(({ name }) => name)).toEqual(['standardize', 'pca', 'dense_1', 'logits']);
    const found = await asked(model, data);
    expect(found.map((row) => row.indexOf(Math.max(...row)))).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('keeps the training rows of neighbours in the model', async () => {
    const model = await fitted({ classifier: 'knn' }, await clusters({ train: 30 }));
    const stored = readSafetensors(readFileSync(rig.cache.blobs.path(model.weights)));
    const rows = stored.ok ? stored.value.get('neighbours/rows') : undefined;
    expect(rows?.shape).toEqual([30, 4]);
    expect(rows && float32Of(rows).length).toBe(120);
    expect(model.neighbours).toEqual({ k: 5, metric: 'euclidean', weights: 'uniform' });
  });
});

function resolving() {
  const unused = () => {
    throw new Error('no file is looked at');
  };
  return { digests: { of: unused }, memo: { get: unused, set: unused } };
}

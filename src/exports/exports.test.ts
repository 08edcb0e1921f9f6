/**
 * The same probabilities in every world, to 1e-5. `vectors.json` holds what ONNX Runtime, Keras 3, Keras 2 and tfjs-layers gave
 * for these very files (by their SHA-256). Written anew by
 * `UPDATE_VECTORS=1 PIPE_TEST_PYTHON=… PIPE_TEST_TFJS=… npx vitest run src/exports`.
 */
import '@tensorflow/tfjs-backend-cpu';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DrawStream } from '../base/philox.ts';
import { NpyWriter } from '../files/npy.ts';
import { forward, inference } from '../networks/forward.ts';
import { randomWeights } from '../networks/initializers.ts';
import { describeNetwork } from '../networks/layers.ts';
import { type Layer, type Network, sizeOf, type Weights } from '../networks/network.ts';
import { readKerasModel, readKerasWeightsOf, readOnnxFile } from '../weights/model-file.ts';
import { type ExportedModel, formats } from './exported-model.ts';
import { writers } from './index.ts';

const vectors = fileURLToPath(new URL('../../test/vectors/exports/', import.meta.url));
const CLASSES = ['cat', 'dog "Ω"', '=sum', 'd'];
const ROWS = 5;

const kernel = { bias: true, init: 'glorot-uniform' } as const;
const window = { strides: [1, 1], padding: 'same' } as const;
const dense = (name: string, units: number, activation: 'tanh' | 'gelu' | 'linear') =>
  ({ type: 'dense', name, units, activation, ...kernel }) as const;

/** Every kind of layer, and every activation that all formats have. */
const network: Network = {
  name: 'all-layers',
  input: [11, 10, 3],
  layers: [
    { type: 'conv2d', name: 'normalize', filters: 3, size: [1, 1], ...window, activation: 'linear', ...kernel },
    { type: 'conv2d', name: 'first', filters: 6, size: [3, 2], ...window, activation: 'relu6', ...kernel },
    { type: 'batch-norm', name: 'norm', momentum: 0.9, epsilon: 1e-3 },
    { type: 'activation', name: 'leaky', activation: 'leaky-relu' },
    { type: 'zero-pad', name: 'pad', padding: [0, 1, 1, 0] },
    {
      type: 'depthwise-conv2d',
      name: 'depth',
      size: [3, 3],
      strides: [2, 2],
      padding: 'valid',
      activation: 'swish',
      ...kernel,
      bias: false,
    },
    { type: 'separable-conv2d', name: 'separable', filters: 5, size: [3, 3], ...window, activation: 'elu', ...kernel },
    { type: 'average-pool', name: 'average', size: [2, 2], strides: [1, 1], padding: 'same' },
    { type: 'max-pool', name: 'largest', size: [2, 2], strides: [2, 2], padding: 'same' },
    { type: 'conv2d', name: 'wide', filters: 8, size: [2, 2], ...window, activation: 'selu', ...kernel },
    { type: 'activation', name: 'soft', activation: 'softplus' },
    { type: 'reshape', name: 'shaped', shape: [3, 6, 4] },
    { type: 'flatten', name: 'flat' },
    { type: 'dropout', name: 'drop', rate: 0.4 },
    dense('hidden', 9, 'gelu'),
    { type: 'activation', name: 'sign', activation: 'softsign' },
    dense('more', 7, 'tanh'),
    dense('logits', CLASSES.length, 'linear'),
    { type: 'activation', name: 'probabilities', activation: 'softmax' },
  ],
};

let folder: string;
let numbers: Float32Array;
let model: ExportedModel;
let expected: Float32Array;

interface Verified {
  readonly files: Readonly<Record<string, string>>;
  readonly probabilities: Readonly<Record<string, readonly (readonly number[])[]>>;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pipe-exports-'));
  model = {
    network,
    weights: seededWeights(network),
    input: 'pixels',
    output: 'probabilities',
    about: { reads: 'pixels', classes: CLASSES },
  };
  const draws = new DrawStream(3, 'inputs');
  numbers = Float32Array.from({ length: ROWS * sizeOf(network.input) }, () => 20 * draws.normal());
  const npy = new NpyWriter(join(folder, 'inputs.npy'), [ROWS, ...network.input], 'float32', { flush: false });
  npy.write(numbers);
  npy.commit();
  writeFileSync(
    join(folder, 'inputs.json'),
    JSON.stringify({ shape: [ROWS, ...network.input], numbers: [...numbers] }),
  );
  await tf.setBackend('cpu');
  expected = probabilitiesOf(network, model.weights);
  for (const format of formats) {
    const written = await (await writers[format]())(model, folder);
    if (!written.ok) throw new Error(written.error.message);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Weights that move every layer: biases and statistics differ from where they start. */
function seededWeights(of: Network): Weights {
  const drawn = randomWeights(of, 5);
  if (!drawn.ok) throw new Error(drawn.error.message);
  const draws = new DrawStream(4, 'weights');
  return new Map(
    [...drawn.value].map(([name, { shape, data }]) => [
      name,
      {
        shape,
        data: data.map((value) =>
          name.endsWith('variance') ? 0.5 + draws.uniform() : 1.2 * value + 0.1 * draws.uniform(),
        ),
      },
    ]),
  );
}

function probabilitiesOf(of: Network, weights: Weights): Float32Array {
  return tf.tidy(() => {
    const tensors = new Map([...weights].map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]));
    const weight = (name: string) => tensors.get(name) ?? missing(name);
    const x = tf.tensor(numbers, [ROWS, ...of.input]);
    return Float32Array.from(forward(of, of.layers.at(-1)?.name ?? '', x, weight, inference).dataSync());
  });
}

const sha256 = (name: string) =>
  createHash('sha256')
    .update(readFileSync(join(folder, name)))
    .digest('hex');
const FILES = ['model.onnx', 'model.h5', 'model.keras', 'model.json', 'group1-shard1of1.bin'];

function expectEqual(given: readonly (readonly number[])[], world: string): void {
  given.forEach((row, r) => {
    row.forEach((probability, c) => {
      expect(Math.abs(probability - (expected[r * CLASSES.length + c] ?? 0)), `${world}, row ${r}`).toBeLessThan(1e-5);
    });
  });
}

describe('exported files', () => {
  it('tell the classes apart', () => {
    // Rows that all gave the same, or one class alone, would prove little.
    const firsts = Array.from({ length: ROWS }, (_, r) => expected[r * CLASSES.length] ?? 0);
    expect(new Set(firsts.map((probability) => Math.round(probability * 1e4))).size).toBe(ROWS);
    expect(Math.max(...expected)).toBeLessThan(0.9);
  });

  const python = process.env['PIPE_TEST_PYTHON'] ?? 'python3';
  const hasPython = (() => {
    try {
      execFileSync(
        python,
        [
          '-c',
          'import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in ["keras", "tf_keras", "onnx", "onnxruntime"]))',
        ],
        { stdio: 'ignore' },
      );
      return true;
    } catch {
      return false;
    }
  })();
  it.skipIf(!hasPython)(
    'are read by Keras and ONNX Runtime (skipped where PIPE_TEST_PYTHON, or python3, lacks keras, tf_keras, onnx or onnxruntime)',
    () => {
      const out: Verified = JSON.parse(
        execFileSync(python, [join(vectors, 'verify.py'), folder], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        }),
      );
      for (const [world, rows] of Object.entries(out.probabilities)) expectEqual(rows, world);
      if (process.env['UPDATE_VECTORS']) note(out.probabilities);
    },
    120_000,
  );

  const modules = process.env['PIPE_TEST_TFJS'];
  const hasTfjs = (() => {
    try {
      createRequire(join(modules ?? '', 'x.js')).resolve('@tensorflow/tfjs-layers');
      return true;
    } catch {
      return false;
    }
  })();
  it.skipIf(!hasTfjs)(
    'are read by tfjs-layers (skipped where PIPE_TEST_TFJS names no folder that has it installed)',
    () => {
      const out: Verified = JSON.parse(
        execFileSync(process.execPath, [join(vectors, 'verify.mjs'), folder, modules ?? ''], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        }),
      );
      for (const [world, rows] of Object.entries(out.probabilities)) expectEqual(rows, world);
      if (process.env['UPDATE_VECTORS']) note(out.probabilities);
    },
  );

  it('are the very files that those have read, with the same probabilities', () => {
    const verified: Verified = JSON.parse(readFileSync(join(vectors, 'vectors.json'), 'utf8'));
    expect(Object.fromEntries(FILES.map((name) => [name, sha256(name)]))).toEqual(verified.files);
    expect(Object.keys(verified.probabilities).sort()).toEqual([
      'keras 2, .h5',
      'keras 3, .h5',
      'keras 3, .keras',
      'onnxruntime',
      'onnxruntime, one row',
      'tfjs-layers',
    ]);
    for (const [world, rows] of Object.entries(verified.probabilities)) expectEqual(rows, world);
  });

  it.each(['model.h5', 'model.keras'])('are read back by ourselves: %s', async (name) => {
    const path = join(folder, name);
    const read = await readKerasModel(path, name);
    if (!read.ok) throw new Error(read.error.message);
    expect(read.value.input).toEqual(network.input);
    const description = describeNetwork(read.value);
    if (!description.ok) throw new Error(description.error.message);
    const weights = await readKerasWeightsOf(path, name, read.value, description.value.slots);
    if (!weights.ok) throw new Error(weights.error.message);
    const given = probabilitiesOf(read.value, weights.value);
    given.forEach((probability, i) => {
      expect(Math.abs(probability - (expected[i] ?? 0))).toBeLessThan(1e-6);
    });
  });

  it('pass our own checks of ONNX files, with the classes in the metadata', () => {
    const file = readOnnxFile(join(folder, 'model.onnx'), 'model.onnx');
    if (!file.ok) throw new Error(file.error.message);
    expect(file.value.input).toMatchObject({ name: 'pixels', layout: 'nhwc', height: 11, width: 10, channels: 3 });
    expect(JSON.parse(file.value.model.metadata.get('classes') ?? '')).toEqual(CLASSES);
    expect(file.value.model.metadata.get('Image.NominalPixelRange')).toBe('NominalRange_0_255');
  });

  it('refuse what a format has no word for', async () => {
    const layer: Layer = { type: 'activation', name: 'hard', activation: 'hard-sigmoid' };
    const hard = { ...model, network: { ...network, layers: [...network.layers.slice(0, -1), layer] } };
    for (const format of ['keras-h5', 'tfjs'] as const)
      expect(await (await writers[format]())(hard, folder)).toMatchObject({ error: { code: 'S071' } });
  });
});

/** Adds what a world gave to the vectors. */
function note(probabilities: Verified['probabilities']): void {
  const path = join(vectors, 'vectors.json');
  const before: Verified = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { files: {}, probabilities: {} };
  const files = Object.fromEntries(FILES.map((name) => [name, sha256(name)]));
  const made = { files, probabilities: { ...before.probabilities, ...probabilities } };
  writeFileSync(path, `${JSON.stringify(made, null, 1)}\n`);
}

function missing(name: string): never {
  throw new Error(`no weight ${name}`);
}

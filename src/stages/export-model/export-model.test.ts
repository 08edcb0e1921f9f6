import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as ort from 'onnxruntime-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StageRig } from '../../../test/stage-rig.ts';
import { fingerprintOf } from '../../base/digest.ts';
import type { Json } from '../../base/json.ts';
import { DrawStream } from '../../base/philox.ts';
import { DiskFileDigests } from '../../files/disk-file-digests.ts';
import { writeSafetensors } from '../../files/safetensors.ts';
import type { SettledPixels } from '../../images/pixel-spec.ts';
import { prepare } from '../../images/prepare.ts';
import { forward, inference } from '../../networks/forward.ts';
import { randomWeights } from '../../networks/initializers.ts';
import { describeNetwork } from '../../networks/layers.ts';
import { type Network, sizeOf, type Weights } from '../../networks/network.ts';
import { loadBackbone } from '../../weights/backbone.ts';
import { type BackboneChoice, choiceToJson } from '../../weights/backbone-choice.ts';
import { readKerasModel, readKerasWeightsOf, readOnnxFile } from '../../weights/model-file.ts';
import { resolveBackbone } from '../../weights/resolve-backbone.ts';
import type { ModelArtifact } from '../artifacts.ts';
import { pixelIdentity } from '../feature-space.ts';
import { standardizeLayer } from '../training/standardization.ts';
import { readCard } from './card.ts';
import { exportModel } from './index.ts';
import { body } from './run.ts';

let rig: StageRig;
beforeEach(() => {
  rig = new StageRig();
});
afterEach(() => rig[Symbol.dispose]());

const SIDE = 16;
const CLASSES = ['left', 'right | "<b>"', 'up'];

/** Another order of the channels, another mean and deviation for each. */
const pixels: SettledPixels = {
  height: SIDE,
  width: SIDE,
  fit: 'fill',
  kernel: 'bilinear',
  channels: 'rgb',
  crop: null,
  normalize: { scale: 0.5, mean: [10, 20, 30], std: [20, 30, 40], reverse: true },
  augment: null,
  onBadImage: 'fail',
  decoder: 1,
};
const image = [SIDE, SIDE, 3];

const choice: BackboneChoice = {
  backbone: { type: 'built-in', name: 'vgg-mini', alpha: 1 },
  weights: { type: 'random', init: 'he-uniform', seed: 3 },
  top: false,
  layer: null,
  pooling: 'average',
};

/** A head that standardizes, and whose first layer is called like one of the backbone's. */
function head(width: number): Network {
  const dense = { type: 'dense', activation: 'linear', bias: true, init: 'glorot-uniform' } as const;
  return {
    name: 'head',
    input: [width],
    layers: [
      standardizeLayer,
      { ...dense, name: 'block1_conv1', units: 6, activation: 'tanh' },
      { ...dense, name: 'logits', units: CLASSES.length },
    ],
  };
}

/** Random weights, whose biases and statistics are no zeros and ones. */
function weightsFor(network: Network): Weights {
  const drawn = randomWeights(network, 11);
  if (!drawn.ok) throw new Error(drawn.error.message);
  const draws = new DrawStream(12, 'weights');
  const moved = (data: Float32Array) => data.map((value) => value + 0.3 * draws.uniform());
  return new Map([...drawn.value].map(([name, { shape, data }]) => [name, { shape, data: moved(data) }]));
}

const resolved = async () => {
  const digests = new DiskFileDigests({ get: () => undefined, set: () => undefined });
  const found = await resolveBackbone(choice, { home: rig.folder, resolvePath: (path) => path, digests });
  if (!found.ok) throw new Error(found.error.message);
  return found.value;
};

/** The backbone as an engine would run it. */
async function backbone() {
  const context = { home: rig.folder, offline: true, environment: {}, signal: new AbortController().signal };
  const program = await loadBackbone(await resolved(), image, { ...context, progress: () => undefined });
  if (!program.ok || program.value.kind !== 'network') throw new Error('no backbone');
  return program.value;
}

async function modelOf(network: Network, weights: Weights, reads: ModelArtifact['reads']): Promise<ModelArtifact> {
  const path = join(rig.folder, 'weights.safetensors');
  writeSafetensors(path, weights, { flush: false });
  const history = [{ epoch: 1, loss: 0.5, 'learning-rate': 0.1 }];
  return { type: 'model', classes: CLASSES, network, weights: await rig.cache.blobs.putFile(path), reads, history };
}

async function headOnFeatures(network: Network, weights: Weights): Promise<ModelArtifact> {
  const source = {
    pixels: pixelIdentity(pixels),
    backbone: (await resolved()).identity,
    precision: 'float32',
    choice: choiceToJson(choice),
  };
  return modelOf(network, weights, { type: 'features', source });
}

/** Where the files of an export lie, by name. */
async function exported(model: ModelArtifact, given: Json): Promise<Readonly<Record<string, string>>> {
  const origin = {
    pipeline: 'themes',
    stages: [
      { name: 'photos', kind: 'ingest-csv', fingerprint: fingerprintOf({}), with: { rows: 'abc' }, reads: [] },
      {
        name: 'head',
        kind: 'train-head',
        fingerprint: fingerprintOf({ a: 1 }),
        with: { epochs: 3 },
        reads: ['photos'],
      },
    ],
  };
  const metrics = { type: 'metrics', values: { accuracy: 0.75 }, details: {} } as const;
  const outcome = await body.run(exportModel.complete(given), rig.context({ inputs: { model, metrics }, origin }));
  const files = outcome.ok ? outcome.value.artifacts['files'] : undefined;
  if (files?.type !== 'files') throw new Error(JSON.stringify(outcome));
  return Object.fromEntries(files.outputs.map(({ name, blob }) => [name, rig.cache.blobs.path(blob)]));
}

async function refusal(model: ModelArtifact, given: Json): Promise<unknown> {
  const outcome = await body.run(exportModel.complete(given), rig.context({ inputs: { model } }));
  if (outcome.ok || outcome.error.reason !== 'diagnostics') throw new Error(JSON.stringify(outcome));
  return outcome.error.diagnostics[0];
}

const bytes = Uint8Array.from({ length: sizeOf(image) }, (_, i) => (i * 73 + (i >> 3)) % 256);

function outputOf(network: Network, weights: Weights, input: Float32Array): Float32Array {
  return tf.tidy(() => {
    const tensors = new Map([...weights].map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]));
    const weight = (name: string) => tensors.get(name) ?? missing(name);
    const x = tf.tensor(input, [1, ...network.input]);
    return Float32Array.from(forward(network, network.layers.at(-1)?.name ?? '', x, weight, inference).dataSync());
  });
}

function missing(name: string): never {
  throw new Error(`no weight ${name}`);
}

function softmax(logits: Float32Array): readonly number[] {
  const sizes = Array.from(logits, Math.exp);
  const sum = sizes.reduce((a, b) => a + b, 0);
  return sizes.map((size) => size / sum);
}

/** What the pipeline gives for the image: prepared, through the backbone, pooled, through the head. */
async function pipelineGives(network: Network, weights: Weights): Promise<readonly number[]> {
  await tf.setBackend('cpu');
  const prepared = new Float32Array(sizeOf(image));
  const stored = { kind: 'raw', pixels: bytes, height: SIDE, width: SIDE, channels: 3, path: 'image' } as const;
  expect((await prepare(stored, pixels, prepared, 0)).ok).toBe(true);
  const { network: below, weights: belowWeights } = await backbone();
  const features = outputOf(below, belowWeights, prepared);
  const channels = network.input[0] ?? 0;
  const places = features.length / channels;
  const pooled = Float32Array.from({ length: channels }, (_, c) => {
    let sum = 0;
    for (let place = 0; place < places; place++) sum += features[place * channels + c] ?? 0;
    return sum / places;
  });
  return softmax(outputOf(network, weights, pooled));
}

function expectNear(given: ArrayLike<number>, expected: readonly number[]): void {
  expect(given.length).toBe(expected.length);
  expected.forEach((probability, c) => {
    expect(Math.abs((given[c] ?? Number.NaN) - probability)).toBeLessThan(1e-5);
  });
}

async function onnxGives(path: string, input: Float32Array, shape: readonly number[]): Promise<ArrayLike<number>> {
  const session = await ort.InferenceSession.create(readFileSync(path));
  const [name = ''] = session.inputNames;
  const { probabilities } = await session.run({ [name]: new ort.Tensor('float32', input, [1, ...shape]) });
  if (!(probabilities?.data instanceof Float32Array)) throw new Error('no probabilities');
  return probabilities.data;
}

describe('export-model', () => {
  it('writes one network from bytes to the probabilities of the pipeline, as ONNX', async () => {
    const width = describedWidth(await backbone());
    const network = head(width);
    const weights = weightsFor(network);
    const files = await exported(await headOnFeatures(network, weights), {});
    expect(Object.keys(files)).toEqual(['model.onnx', 'model.json', 'MODEL.md']);
    const given = await onnxGives(files['model.onnx'] ?? '', Float32Array.from(bytes), image);
    const expected = await pipelineGives(network, weights);
    expect(Math.max(...expected)).toBeLessThan(0.95);
    expectNear(given, expected);
  });

  it.each(['keras-h5', 'keras'])('gives the same as %s', async (format) => {
    const network = head(describedWidth(await backbone()));
    const weights = weightsFor(network);
    const files = await exported(await headOnFeatures(network, weights), { format });
    const name = format === 'keras' ? 'model.keras' : 'model.h5';
    const path = join(rig.folder, name);
    writeFileSync(path, readFileSync(files[name] ?? ''));
    const read = await readKerasModel(path, name);
    if (!read.ok) throw new Error(read.error.message);
    const description = describeNetwork(read.value);
    if (!description.ok) throw new Error(description.error.message);
    const stored = await readKerasWeightsOf(path, name, read.value, description.value.slots);
    if (!stored.ok) throw new Error(stored.error.message);
    const expected = await pipelineGives(network, weights);
    expectNear(outputOf(read.value, stored.value, Float32Array.from(bytes)), expected);
  });

  it('writes a head alone, which takes features', async () => {
    const network = head(8);
    const weights = weightsFor(network);
    const files = await exported(await headOnFeatures(network, weights), { withBackbone: false });
    const features = Float32Array.from({ length: 8 }, (_, i) => i / 3);
    await tf.setBackend('cpu');
    expectNear(
      await onnxGives(files['model.onnx'] ?? '', features, [8]),
      softmax(outputOf(network, weights, features)),
    );
    expect(JSON.parse(readFileSync(files['model.json'] ?? '', 'utf8'))).toMatchObject({
      reads: 'features',
      preprocessing: { height: SIDE, normalized: 'before', normalize: pixels.normalize },
      backbone: { architecture: 'vgg-mini', pooling: 'average' },
    });
  });

  it('says in the card and in the file what the model is', async () => {
    const network = head(describedWidth(await backbone()));
    const files = await exported(await headOnFeatures(network, weightsFor(network)), {});
    const json: Json = JSON.parse(readFileSync(files['model.json'] ?? '', 'utf8'));
    expect(json).toMatchObject({
      card: 1,
      model: { file: 'model.onnx', format: 'onnx' },
      reads: 'pixels',
      classes: CLASSES,
      input: { shape: image, channels: 'rgb', values: '0 to 255' },
      preprocessing: { height: SIDE, kernel: 'bilinear', normalized: 'inside' },
      backbone: { architecture: 'vgg-mini', weights: 'random:he-uniform:3' },
      data: { photos: { rows: 'abc' } },
      pipeline: { name: 'themes', stages: { head: { kind: 'train-head', with: { epochs: 3 } } } },
      metrics: { accuracy: 0.75 },
    });
    expect(readCard(json)).toMatchObject({
      file: 'model.onnx',
      classes: CLASSES,
      pixels: { width: SIDE, fit: 'fill' },
    });
    const onnx = readOnnxFile(files['model.onnx'] ?? '', 'model.onnx');
    if (!onnx.ok) throw new Error(onnx.error.message);
    expect(JSON.parse(onnx.value.model.metadata.get('classes') ?? '')).toEqual(CLASSES);
    expect(JSON.parse(onnx.value.model.metadata.get('preprocessing') ?? '')).toMatchObject({ normalized: 'inside' });
    const page = readFileSync(files['MODEL.md'] ?? '', 'utf8');
    expect(page).toContain('# themes: model.onnx');
    expect(page).toContain('right \\| "\\<b\\>"');
    expect(page).toContain('| accuracy | 0.75 |');
  });

  it('keeps the card of a tfjs model inside its model.json', async () => {
    const network = head(8);
    const files = await exported(await headOnFeatures(network, weightsFor(network)), {
      format: 'tfjs',
      withBackbone: false,
    });
    expect(Object.keys(files)).toEqual(['group1-shard1of1.bin', 'model.json', 'MODEL.md']);
    const json: Json = JSON.parse(readFileSync(files['model.json'] ?? '', 'utf8'));
    expect(json).toMatchObject({ format: 'layers-model', userDefinedMetadata: { card: 1, classes: CLASSES } });
    expect(readCard(json)).toMatchObject({ file: 'model.json', format: 'tfjs' });
  });

  it('gives the same bytes for the same model', async () => {
    const network = head(8);
    const model = await headOnFeatures(network, weightsFor(network));
    for (const format of ['onnx', 'tfjs', 'keras-h5', 'keras']) {
      const given = { format, withBackbone: false };
      expect(await exported(model, given)).toEqual(await exported(model, given));
    }
  });

  it('puts all files into one folder', () => {
    const of = (given: Json) => exportModel.outputFolder?.(exportModel.complete(given));
    expect(of({})).toBe('model-onnx');
    expect(of({ format: 'tfjs', folder: 'web/model' })).toBe('web/model');
  });

  it('refuses votes of neighbours, and a backbone that has changed', async () => {
    const network = head(8);
    const model = await headOnFeatures(network, weightsFor(network));
    const neighbours = { ...model, neighbours: { k: 3, metric: 'euclidean', weights: 'uniform' } } as const;
    expect(await refusal(neighbours, {})).toMatchObject({ code: 'S071' });
    const source = model.reads.type === 'features' ? model.reads.source : {};
    const other = { ...source, backbone: { architecture: 'vgg-mini', weights: 'sha256:other' } };
    expect(await refusal({ ...model, reads: { type: 'features', source: other } }, {})).toMatchObject({ code: 'S070' });
    expect(await refusal({ ...model, reads: { type: 'features', source: {} } }, {})).toMatchObject({ code: 'S070' });
  });
});

function describedWidth({ network }: { readonly network: Network }): number {
  const described = describeNetwork(network);
  return described.ok ? (described.value.output.at(-1) ?? 0) : 0;
}

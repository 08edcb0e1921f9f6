// What eight bits save and cost. Speed: networks with random weights. Cost, with `--data`: heads on both kinds of features of real images.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { interleave, spread } from '../pairs.mjs';
import { emptyProject, eventsOf } from '../project.mjs';
import { drawnNetwork, source } from '../source.mjs';

const [batch, side] = [8, 224];
const networks = [
  { name: 'vgg16', alpha: 1, target: '≥ 3.6 ×' },
  { name: 'mobilenet-v1', alpha: 1 },
  { name: 'mobilenet-v1', alpha: 0.25 },
];

/** What quantising needs to know, of one batch. */
async function rangesOf(program, images, options) {
  const { CalibrationFold, Forward } = await source();
  const calibrating = await Forward.open({ ...program, arithmetic: { kind: 'calibration' } }, options);
  const fold = new CalibrationFold(calibrating);
  fold.add(await calibrating.run(images.slice(), batch));
  await calibrating.close();
  return fold.result();
}

async function* speed({ rounds }) {
  const { Forward, useTraceBackend, DrawStream } = await source();
  await useTraceBackend();
  const draws = new DrawStream(0, 'images');
  const images = Float32Array.from({ length: batch * side * side * 3 }, () => draws.uniform() * 2 - 1);
  const options = { threads: availableParallelism(), device: 'cpu' };
  for (const { name, alpha, target } of networks) {
    const { program, flops } = await drawnNetwork(name, { side, alpha });
    const ranges = await rangesOf(program, images, options);
    const sessions = {
      float32: await Forward.open(program, options),
      int8: await Forward.open({ ...program, arithmetic: { kind: 'int8', ranges } }, options),
    };
    const timed = (session) => async () => {
      const input = images.slice();
      const started = performance.now();
      await session.run(input, batch);
      return (performance.now() - started) / batch;
    };
    for (const session of Object.values(sessions)) await timed(session)();
    const figures = await interleave({ float32: timed(sessions.float32), int8: timed(sessions.int8) }, rounds(7));
    const label = `${name}${alpha === 1 ? '' : ` ${alpha}`} from memory`;
    yield { what: `${label}: float32`, unit: 'ms an image', figure: figures.float32, to: 'int8', target, flops };
    yield { what: `${label}: int8`, unit: 'ms an image', figure: figures.int8 };
    for (const session of Object.values(sessions)) await session.close();
  }
}

const backbones = (data) => [
  {
    name: 'MobileNet 0.25',
    backbone: { 'mobilenet-v1': { alpha: 0.25 } },
    more: { weights: `${data}/models/mobilenet_v1_0.25_224/mobilenet_2_5_224_tf_no_top.h5`, pooling: 'average' },
    normalize: 'tf',
    C: 1,
  },
  {
    name: 'SqueezeNet',
    backbone: `${data}/models/squeezenet1.1/squeezenet1.1_rebuilt.onnx`,
    more: {},
    normalize: 'torch',
    C: 0.01,
  },
];

const sources = (data) => {
  const photos = `${data}/datasets/hymenoptera`;
  const digits = `${data}/datasets/mnist/t10k`;
  const idx = { images: `${digits}-images-idx3-ubyte.gz`, labels: `${digits}-labels-idx1-ubyte.gz` };
  return {
    hymenoptera: { rows: { kind: 'ingest-folder', with: { train: `${photos}/train`, validation: `${photos}/val` } } },
    MNIST: {
      raw: { kind: 'ingest-idx', with: { train: idx } },
      rows: { kind: 'split', from: 'raw', with: { take: 2000, validation: 0.5 } },
    },
  };
};

/** Features in one precision, their file, a head on them and its score. */
function branch(precision, { backbone, more, C }) {
  const classifier = { 'logistic-regression': { C } };
  return {
    [`features-${precision}`]: { kind: 'extract-features', from: 'images', with: { backbone, ...more, precision } },
    [`write-${precision}`]: { kind: 'export-features', from: `features-${precision}`, with: { file: precision } },
    [`head-${precision}`]: {
      kind: 'train-head',
      from: `features-${precision}`,
      with: { classifier, standardize: true },
    },
    [`score-${precision}`]: {
      kind: 'evaluate',
      from: { model: `head-${precision}`, data: `features-${precision}` },
      with: { on: 'validation' },
    },
  };
}

async function* cost({ data }) {
  for (const [set, rows] of Object.entries(sources(data))) {
    for (const network of backbones(data)) {
      const folder = emptyProject();
      mkdirSync(join(folder, 'pipelines'));
      const images = { size: side, channels: 'rgb', fit: 'cover', normalize: network.normalize };
      const stages = {
        ...rows,
        images: { kind: 'preprocess', from: 'rows', with: images },
        ...branch('float32', network),
        ...branch('int8', network),
      };
      writeFileSync(
        join(folder, 'pipelines', 'precision.yaml'),
        JSON.stringify({ pipeline: 'precision', seed: 1, stages }),
      );
      const events = eventsOf(['run', 'precision'], folder);
      const { float32, int8 } = Object.fromEntries(
        ['float32', 'int8'].map((name) => [
          name,
          events.find(({ event, stage }) => event === 'stage-finished' && stage === `score-${name}`).metrics,
        ]),
      );
      const what = `${set}, ${network.name}`;
      const points = 100 * (float32.accuracy - int8.accuracy);
      yield {
        what: `${what}: accuracy in float32, less that in int8`,
        unit: 'points',
        figure: spread([points]),
        target: '≤ 0.5',
      };
      yield {
        what: `${what}: log-loss in int8`,
        unit: 'nats',
        figure: { ...spread([int8['log-loss']]), ratio: int8['log-loss'] / float32['log-loss'] },
        to: 'float32',
      };
      yield {
        what: `${what}: ‖int8 − float32‖ / ‖float32‖ of the features`,
        unit: '',
        figure: spread([difference(folder)]),
      };
    }
  }
}

/** ‖int8 − float32‖ / ‖float32‖ over all rows of the two files. */
function difference(folder) {
  const [a, b] = ['float32', 'int8'].map((name) => {
    const bytes = readFileSync(join(folder, 'results/precision', `${name}.npy`));
    return new Float32Array(Uint8Array.from(bytes.subarray(10 + bytes.readUInt16LE(8))).buffer);
  });
  const square = (values) => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(square(b.map((value, i) => value - a[i])) / square(a));
}

const precision = {
  computes: 'processor',
  name: 'precision',
  what: 'float32 against int8, networks at 224×224 in batches of 8: images a second, and what it costs a head (with --data)',
  async *run(settings) {
    yield* speed(settings);
    if (settings.data) yield* cost(settings);
    else
      yield {
        what: 'accuracy of heads on int8 features',
        notRun: 'not run: no --data with datasets/hymenoptera, datasets/mnist and models/',
        command: 'npm run bench -- precision --data FOLDER',
      };
  },
};

export const cases = [precision];

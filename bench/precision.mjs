// `npm run build && node bench/precision.mjs [DATA]`: what eight bits save and cost. Speed: networks with random weights, one batch of eight images of
// 224×224 after the other, float32 and int8 in turn. Cost, where DATA holds hymenoptera, MNIST and the two networks: heads on both kinds of features.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { interleave, row } from './pairs.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const data = process.argv[2] && resolve(process.argv[2]);
const rounds = Number(process.env.ROUNDS ?? 7);
const bundle = join(root, 'dist', '.build', 'precision.mjs');
mkdirSync(dirname(bundle), { recursive: true });
await build({
  stdin: {
    contents: `
export { Forward } from './src/engines/ort/forward-session.ts';
export { useTraceBackend } from './src/engines/ort/trace.ts';
export { architectures } from './src/networks/architectures/index.ts';
export { randomWeights } from './src/networks/initializers.ts';
export { DrawStream } from './src/base/philox.ts';
`,
    resolveDir: root,
    loader: 'ts',
  },
  bundle: true,
  platform: 'node',
  format: 'esm',
  external: ['onnxruntime-node'],
  outfile: bundle,
  logLevel: 'error',
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
});
const { Forward, useTraceBackend, architectures, randomWeights, DrawStream } = await import(pathToFileURL(bundle).href);
await useTraceBackend();

const [batch, side] = [8, 224];
const draws = new DrawStream(0, 'images');
const images = Float32Array.from({ length: batch * side * side * 3 }, () => draws.uniform() * 2 - 1);
const options = { threads: Number(process.env.THREADS ?? 2), device: 'cpu' };
for (const [name, alpha] of [
  ['vgg16', 1],
  ['mobilenet-v1', 1],
  ['mobilenet-v1', 0.25],
]) {
  const architecture = architectures.find((found) => found.name === name);
  const network = architecture.build({ height: side, width: side, channels: 3, top: false, classes: 1000, alpha });
  const weights = randomWeights(network, 1).value;
  const program = { kind: 'network', network, weights, layer: network.layers.at(-1).name, pooling: 'none' };
  const calibrating = await Forward.open({ ...program, arithmetic: { kind: 'calibration' } }, options);
  const found = await calibrating.run(images.slice(), batch);
  await calibrating.close();
  const width = found.length / batch;
  const ranges = Float32Array.from({ length: width }, (_, i) => {
    const ends = Array.from({ length: batch }, (__, image) => found[image * width + i]);
    return i < width / 2 ? Math.min(...ends) : Math.max(...ends);
  });
  const sessions = {
    float32: await Forward.open(program, options),
    int8: await Forward.open({ ...program, arithmetic: { kind: 'int8', ranges } }, options),
  };
  const timed = (session) => async () => {
    const started = process.hrtime.bigint();
    await session.run(images.slice(), batch);
    return Number(process.hrtime.bigint() - started) / 1e6 / batch;
  };
  for (const session of Object.values(sessions)) await timed(session)();
  const figures = await interleave({ float32: timed(sessions.float32), int8: timed(sessions.int8) }, rounds);
  const label = alpha === 1 ? name : `${name} ${alpha}`;
  console.log(
    row(
      `${label} 224×224, batches of 8: float32, to int8`,
      figures.float32,
      'ms an image',
      name === 'vgg16' ? '≥ 3.6 ×' : '',
    ),
  );
  console.log(row('the same: int8', { ...figures.int8, ratio: undefined, interval: undefined }, 'ms an image', ''));
  for (const session of Object.values(sessions)) await session.close();
}

if (data) {
  const networks = {
    mobilenet: [
      `{ mobilenet-v1: { alpha: 0.25 } }, weights: "${data}/models/mobilenet_v1_0.25_224/mobilenet_2_5_224_tf_no_top.h5", pooling: average`,
      'tf',
      1,
    ],
    squeezenet: [`"${data}/models/squeezenet1.1/squeezenet1.1_rebuilt.onnx"`, 'torch', 0.01],
  };
  const digits = `${data}/datasets/mnist/t10k`;
  const photos = `${data}/datasets/hymenoptera`;
  const sources = {
    hymenoptera: `  rows: { kind: ingest-folder, with: { train: "${photos}/train", validation: "${photos}/val" } }\n`,
    mnist:
      `  raw: { kind: ingest-idx, with: { train: { images: "${digits}-images-idx3-ubyte.gz", labels: "${digits}-labels-idx1-ubyte.gz" } } }\n` +
      '  rows: { kind: split, from: raw, with: { take: 2000, validation: 0.5 } }\n',
  };
  for (const [source, stages] of Object.entries(sources)) {
    for (const [name, [backbone, normalize, C]] of Object.entries(networks)) {
      const folder = mkdtempSync(join(tmpdir(), 'pipe-precision-'));
      const of = (precision) => `
  features-${precision}: { kind: extract-features, from: images, with: { backbone: ${backbone}, precision: ${precision} } }
  write-${precision}: { kind: export-features, from: features-${precision}, with: { file: ${precision} } }
  head-${precision}: { kind: train-head, from: features-${precision}, with: { classifier: { logistic-regression: { C: ${C} } }, standardize: true } }
  score-${precision}: { kind: evaluate, from: { model: head-${precision}, data: features-${precision} }, with: { on: validation } }
`;
      const pipeline = `pipeline: precision\nseed: 1\nstages:\n${stages}  images: { kind: preprocess, from: rows, with: { size: 224, channels: rgb, fit: cover, normalize: ${normalize} } }\n${of('float32')}${of('int8')}`;
      mkdirSync(join(folder, 'pipelines'));
      writeFileSync(join(folder, 'package.json'), '{}');
      writeFileSync(join(folder, 'pipelines', 'precision.yaml'), pipeline);
      const run = spawnSync(process.execPath, [join(root, 'dist/cli.cjs'), 'run', 'precision', '--json'], {
        cwd: folder,
        encoding: 'utf8',
        maxBuffer: 1 << 30,
      });
      if (run.status !== 0) throw new Error(run.stdout + run.stderr);
      const events = run.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      const show = (precision) => {
        const { metrics } = events.find(
          ({ event, stage }) => event === 'stage-finished' && stage === `score-${precision}`,
        );
        return `log-loss ${metrics['log-loss'].toFixed(4)}, accuracy ${(100 * metrics.accuracy).toFixed(2)} %`;
      };
      console.log(
        `| ${source}, ${name} | float32: ${show('float32')} | int8: ${show('int8')} | features differ by ${(100 * difference(folder)).toFixed(1)} % |`,
      );
      rmSync(folder, { recursive: true });
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

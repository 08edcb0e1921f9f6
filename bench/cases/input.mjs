// Preparing images: from files to [224, 224, 3] in −1 … 1, as a stage does it for a network.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { openEngine } from '../engine-work.mjs';
import { against, interleave } from '../pairs.mjs';
import { asAlternatives, openPeers } from '../peers.mjs';
import { emptyProject, stageSeconds, writePipeline } from '../project.mjs';
import { drawnNetwork, source, taken } from '../source.mjs';

/** The batch of an extraction. */
const BATCH = 32;
/** Three quarters of them are what is timed. */
const DIGITS = 2668;

/** The first `count` images of an IDX file as PNG files. */
async function digitFiles(folder, idx, count) {
  const { default: sharp } = await import('sharp');
  const bytes = gunzipSync(readFileSync(idx));
  for (let i = 0; i < count; i++) {
    const pixels = bytes.subarray(16 + i * 784, 16 + (i + 1) * 784);
    const png = sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } }).png();
    writeFileSync(join(folder, `${String(i).padStart(5, '0')}.png`), await png.toBuffer());
  }
}

/** The same without data: a blot of ink, anywhere. */
export async function blotFiles(folder, count) {
  const { default: sharp } = await import('sharp');
  for (let i = 0; i < count; i++) {
    const [x, y, wide] = [6 + (i % 17), 6 + ((i >> 2) % 17), 4 + (i % 29)];
    const ink = (dx, dy) => 255 * Math.exp(-(dx ** 2) / wide - dy ** 2 / 20);
    const pixels = Uint8ClampedArray.from({ length: 784 }, (_, at) => ink((at % 28) - x, Math.floor(at / 28) - y));
    pixels.set([i >> 8, i & 255]);
    const png = sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } }).png();
    writeFileSync(join(folder, `${String(i).padStart(5, '0')}.png`), await png.toBuffer());
  }
}

/** Every photo four times, told apart by a comment in the file: rows of the same bytes would be computed once. */
function photoFiles(folder, from) {
  const photos = ['train/ants', 'train/bees', 'val/ants', 'val/bees'].flatMap((part) =>
    readdirSync(join(from, part))
      .filter((name) => name.endsWith('.jpg'))
      .map((name) => readFileSync(join(from, part, name))),
  );
  for (let copy = 0; copy < 4; copy++)
    photos.forEach((jpeg, i) => {
      const comment = Buffer.from([0xff, 0xfe, 0, 3, copy]);
      const name = `${copy}-${String(i).padStart(4, '0')}.jpg`;
      writeFileSync(join(folder, name), Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]));
    });
}

/** A backbone that does next to nothing: it keeps the first pixel. What a stage with it takes is the preparing. */
async function firstPixel(path) {
  const { GraphBuilder, writeModel } = await source();
  const graph = new GraphBuilder();
  graph.input('images', [-1, 224, 224, 3], 'float32');
  const name = graph.node('Slice', [
    'images',
    ...[
      [0, 0],
      [1, 1],
      [1, 2],
    ].map((values) => graph.integers(values)),
  ]);
  writeFileSync(path, writeModel(graph.finish([{ name, shape: [-1, 1, 1, 3], type: 'float32' }], false)));
}

/** A project over all files of `images`, and over the first quarter. */
export async function preparing(fill) {
  const folder = emptyProject();
  const images = join(folder, 'images');
  mkdirSync(images);
  await fill(images);
  const names = readdirSync(images).sort();
  const quarter = names.length / 4;
  for (const [csv, some] of Object.entries({ whole: names, part: names.slice(0, quarter) }))
    writeFileSync(
      join(folder, `${csv}.csv`),
      `filename,label\n${some.map((name, i) => `${name},${i % 2}`).join('\n')}\n`,
    );
  await firstPixel(join(folder, 'first-pixel.onnx'));
  const pixels = { size: 224, channels: 'rgb', fit: 'fill', normalize: 'tf' };
  for (const csv of ['whole', 'part'])
    writePipeline(folder, `${csv}.yaml`, {
      data: { kind: 'ingest-csv', with: { train: { csv: `${csv}.csv`, images: 'images' } } },
      images: { kind: 'preprocess', from: 'data', with: pixels },
      alone: { kind: 'extract-features', from: 'images', with: { backbone: 'first-pixel.onnx', pooling: 'none' } },
      mobilenet: {
        kind: 'extract-features',
        from: 'images',
        with: { backbone: { 'mobilenet-v1': { alpha: 0.25 } }, weights: 'random', pooling: 'average' },
      },
    });
  /** Milliseconds an image of a stage; what a run takes once falls out of the difference. */
  const msAnImage = (stage) => () => {
    const seconds = (file) =>
      stageSeconds(['run', `${file}.yaml`, stage, '--no-cache', '--engine', 'ort'], folder, stage);
    return ((seconds('whole') - seconds('part')) * 1000) / (names.length - quarter);
  };
  return { images, count: names.length, msAnImage };
}

/** Milliseconds an image of MobileNet 0.25 on batches that lie in memory. */
async function computing() {
  const { program, flops } = await drawnNetwork('mobilenet-v1', { alpha: 0.25 });
  const { engine } = await openEngine({ engine: 'ort', device: 'cpu' });
  const session = taken(await engine.openForward({ ...program, pooling: 'average' }, BATCH));
  const batches = 20;
  const run = async () => {
    let ms = 0;
    for (let i = 0; i < batches; i++) {
      const input = new Float32Array(BATCH * 224 * 224 * 3).fill(0.5);
      const started = performance.now();
      await session.run(input, BATCH);
      ms += performance.now() - started;
    }
    return ms / batches / BATCH;
  };
  await run();
  const close = async () => {
    await session.close();
    await engine.close();
  };
  return { run, flops, close };
}

async function* prepared(what, target, { images, count, msAnImage }, settings) {
  const peers = await openPeers(settings, what, {
    'tf.data': ['input-tfdata', images],
    OpenCV: ['input-opencv', images],
  });
  const compute = await computing();
  const alternatives = {
    ...asAlternatives(peers, count),
    computing: compute.run,
    mobilenet: msAnImage('mobilenet'),
    pipe: msAnImage('alone'),
  };
  const figures = await interleave(alternatives, settings.rounds(5));
  const row = { unit: 'ms an image', to: 'pipe' };
  yield { ...row, what: `${what} to 224×224×3`, figure: figures.pipe, target, bytes: 4 * 224 * 224 * 3 };
  for (const { title } of Object.values(peers.open))
    yield { ...row, what: `${what} to 224×224×3: ${title}`, figure: figures[title], target: '≥ 0.9 ×' };
  yield* peers.absent;
  const { mobilenet, computing: alone } = figures;
  const both = { unit: row.unit, flops: compute.flops };
  yield { ...both, what: `${what} through MobileNet 0.25, end to end`, figure: { ...mobilenet, ratio: undefined } };
  yield {
    ...both,
    what: `${what} through MobileNet 0.25, computing alone`,
    figure: against(alone, mobilenet),
    to: 'end to end',
    target: '≥ 0.9 ×',
  };
  peers.close();
  await compute.close();
}

const input = {
  computes: 'processor',
  name: 'input',
  what: 'files to 224×224×3: a stage whose network does nothing, MobileNet 0.25 end to end, and its computing alone; tf.data and OpenCV',
  async *run(settings) {
    const { data } = settings;
    const idx = data && join(data, 'datasets/mnist/train-images-idx3-ubyte.gz');
    const digits = await preparing((folder) => (idx ? digitFiles(folder, idx, DIGITS) : blotFiles(folder, DIGITS)));
    yield* prepared(idx ? 'MNIST PNGs' : 'PNGs of 28×28', '≤ 0.33 ms', digits, settings);
    if (!data) {
      yield {
        what: 'hymenoptera JPEGs to 224×224×3',
        notRun: 'not run: no --data with datasets/hymenoptera',
        command: 'npm run bench -- input --data FOLDER',
      };
      return;
    }
    const photos = await preparing((folder) => photoFiles(folder, join(data, 'datasets/hymenoptera')));
    yield* prepared('hymenoptera JPEGs', undefined, photos, settings);
  },
};

export const cases = [input];

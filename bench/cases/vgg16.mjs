// VGG16's base from PNG files to stored features, whole stage.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave, spread } from '../pairs.mjs';
import { asAlternatives, openPeers } from '../peers.mjs';
import { emptyProject, lastLine, peakMemory, quickstart, stageSeconds, writePipeline } from '../project.mjs';
import { drawnNetwork } from '../source.mjs';
import { blotFiles } from './input.mjs';

const WHAT = 'VGG16 base from PNG files';

/** Images of a run; a quarter of them in the run that is taken away. */
const COUNT = 64;

/** The quickstart with `COUNT` training images and no others. */
function fewDigits() {
  const folder = quickstart();
  const images = join(folder, 'data-examples/digits/images/train');
  for (const name of readdirSync(images).sort().slice(COUNT)) rmSync(join(images, name));
  const csv = join(folder, 'data-examples/digits/train.csv');
  const lines = readFileSync(csv, 'utf8').trimEnd().split('\n');
  const kept = lines.filter((line, i) => i === 0 || existsSync(join(images, line.split(',')[0])));
  writeFileSync(csv, `${kept.join('\n')}\n`);
  rmSync(join(folder, 'data-examples/digits/test.csv'));
  const pipeline = join(folder, 'pipelines/quickstart.yaml');
  writeFileSync(pipeline, readFileSync(pipeline, 'utf8').replace(/^ {6}test:.*\n/m, ''));
  return { folder, images };
}

const vgg16 = {
  computes: 'processor',
  name: 'vgg16',
  what: "VGG16's base at 224×224 from PNG files, random weights of the true shapes; from runs of 64 images and of 16",
  async *run(settings) {
    const { folder, images } = fewDigits();
    const sets = [
      'features.backbone=vgg16',
      'features.weights=random',
      'images.size=224',
      'images.channels=rgb',
      'split.validation=0.2',
    ];
    const base = ['run', 'quickstart', 'features', '--no-cache', ...sets.flatMap((set) => ['--set', set])];
    // The difference of two runs: loading, drawing weights and compiling fall out, as they do for the peers.
    const seconds = (take) => stageSeconds([...base, '--set', `split.take=${take}`], folder, 'features');
    const msAnImage = () => ((seconds(COUNT) - seconds(COUNT / 4)) * 1000) / (COUNT * 0.75);
    const peers = await openPeers(settings, WHAT, {
      Keras: ['vgg16-keras', images],
      OpenVINO: ['vgg16-openvino', images],
      torch: ['vgg16-torch', images],
    });
    const others = Object.entries(peers.open).map(([name, peer]) => [
      name,
      async () => ((await peer.run()) * 1000) / COUNT,
    ]);
    const alternatives = { ...Object.fromEntries(others), pipe: msAnImage };
    const figures = await interleave(alternatives, settings.rounds(7));
    const row = { unit: 'ms an image', flops: (await drawnNetwork('vgg16')).flops };
    yield { ...row, what: `${WHAT}: pipe`, figure: figures.pipe };
    for (const [name, { title }] of Object.entries(peers.open))
      yield { ...row, what: `${WHAT}: ${title}`, figure: figures[name], to: 'pipe', target: '≥ 0.95 ×' };
    yield* peers.absent;
    peers.close();
    yield { what: `${WHAT}: peak memory`, unit: 'MiB', figure: spread([peakMemory(base, folder)]), target: '≤ 1500' };
  },
};

/** New rows of the two runs whose difference counts. */
const [FEW, MANY] = [16, 144];

/** A project whose 64 training images are calibrated with and stored, and which gets test images that it has never seen. */
class GrowingProject {
  #folder = emptyProject();
  #used = {};

  async make(rounds) {
    mkdirSync(join(this.#folder, 'images'));
    await blotFiles(join(this.#folder, 'images'), COUNT + FEW + rounds * (FEW + MANY));
    this.#table('train', 'filename,label', COUNT, 0, (name, i) => `${name},${i % 10}`);
    const images = 'images';
    writePipeline(this.#folder, 'vgg16.yaml', {
      data: { kind: 'ingest-csv', with: { train: { csv: 'train.csv', images }, test: { csv: 'test.csv', images } } },
      images: { kind: 'preprocess', from: 'data', with: { size: 224, channels: 'rgb' } },
      features: { kind: 'extract-features', from: 'images', with: { backbone: 'vgg16', weights: 'random' } },
    });
    for (const precision of ['float32', 'int8']) this.#seconds(precision, FEW);
    return this;
  }

  msAnImage(precision) {
    return ((this.#seconds(precision, MANY) - this.#seconds(precision, FEW)) * 1000) / (MANY - FEW);
  }

  /** A folder of as many images as count. */
  forPeers() {
    const folder = join(this.#folder, 'for-peers');
    mkdirSync(folder);
    const names = readdirSync(join(this.#folder, 'images'))
      .sort()
      .slice(0, MANY - FEW);
    for (const name of names) copyFileSync(join(this.#folder, 'images', name), join(folder, name));
    return folder;
  }

  /** Of the stage with so many images that this precision has never seen. */
  #seconds(precision, count) {
    const from = this.#used[precision] ?? COUNT;
    this.#used[precision] = from + count;
    this.#table('test', 'filename', count, from, (name) => name);
    const words = ['run', 'vgg16.yaml', 'features', '--set', `features.precision=${precision}`];
    const { rows, durationMs } = lastLine(words, this.#folder).stages.features;
    const first = from === COUNT ? COUNT : 0;
    if (rows.computed !== count + first) throw new Error(`${rows.computed} rows were computed, not ${count + first}`);
    return durationMs / 1000;
  }

  #table(name, head, count, from, line) {
    const lines = Array.from({ length: count }, (_, i) => line(`${String(from + i).padStart(5, '0')}.png`, i));
    writeFileSync(join(this.#folder, `${name}.csv`), `${[head, ...lines].join('\n')}\n`);
  }
}

const int8 = {
  computes: 'processor',
  name: 'vgg16-int8',
  what: `the same in integers of eight bits, from runs with ${MANY} new images and with ${FEW}; calibrated before, on others`,
  async *run(settings) {
    const rounds = settings.rounds(5);
    const project = await new GrowingProject().make(rounds);
    const folder = project.forPeers();
    const peers = await openPeers(settings, WHAT, {
      'OpenVINO in int8': ['vgg16-openvino-int8', folder],
      OpenVINO: ['vgg16-openvino', folder],
    });
    const alternatives = {
      ...asAlternatives(peers, MANY - FEW),
      'pipe in float32': () => project.msAnImage('float32'),
      'pipe in int8': () => project.msAnImage('int8'),
    };
    const figures = await interleave(alternatives, rounds);
    const targets = { 'pipe in float32': '≥ 3.6 ×', [peers.open['OpenVINO in int8']?.title]: '≥ 0.95 ×' };
    for (const [name, figure] of Object.entries(figures)) {
      const compared = name === 'pipe in int8' ? {} : { to: 'pipe in int8', target: targets[name] };
      yield { what: `${WHAT}: ${name}`, unit: 'ms an image', figure, ...compared };
    }
    yield* peers.absent;
    peers.close();
  },
};

export const cases = [vgg16, int8];

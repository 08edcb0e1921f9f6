// VGG16's base from PNG files to stored features, whole stage.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave, spread } from '../pairs.mjs';
import { openPeers } from '../peers.mjs';
import { peakMemory, quickstart, stageSeconds } from '../project.mjs';
import { drawnNetwork } from '../source.mjs';

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
    const seconds = (take, precision) =>
      stageSeconds(
        [...base, '--set', `split.take=${take}`, '--set', `features.precision=${precision}`],
        folder,
        'features',
      );
    const msAnImage = (precision) => () =>
      ((seconds(COUNT, precision) - seconds(COUNT / 4, precision)) * 1000) / (COUNT * 0.75);
    const peers = await openPeers(settings, WHAT, {
      Keras: ['vgg16-keras', images],
      OpenVINO: ['vgg16-openvino', images],
      torch: ['vgg16-torch', images],
    });
    const others = Object.entries(peers.open).map(([name, peer]) => [
      name,
      async () => ((await peer.run()) * 1000) / COUNT,
    ]);
    const alternatives = { ...Object.fromEntries(others), int8: msAnImage('int8'), pipe: msAnImage('float32') };
    const figures = await interleave(alternatives, settings.rounds(7));
    const row = { unit: 'ms an image', flops: (await drawnNetwork('vgg16')).flops };
    yield { ...row, what: `${WHAT}: pipe`, figure: figures.pipe };
    for (const [name, { title }] of Object.entries(peers.open))
      yield { ...row, what: `${WHAT}: ${title}`, figure: figures[name], to: 'pipe', target: '≥ 0.95 ×' };
    yield* peers.absent;
    // So few images are all in the sample that int8 is calibrated with, in float32.
    const calibrated = `${WHAT}: pipe in int8 with its calibration on the same images`;
    yield { unit: row.unit, what: calibrated, figure: figures.int8, to: 'pipe in float32' };
    peers.close();
    yield { what: `${WHAT}: peak memory`, unit: 'MiB', figure: spread([peakMemory(base, folder)]), target: '≤ 1500' };
  },
};

export const cases = [vgg16];

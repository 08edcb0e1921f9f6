// Trainings of convolutions: a fine-tuning step, a second fine-tuning on a stored frozen part, and an epoch of the tutorial's CNN.
import { spawnSync } from 'node:child_process';
import { interleave, spread } from '../pairs.mjs';
import { openPeers } from '../peers.mjs';
import { cli, emptyProject, generatedImages, peakMemory, stageSeconds, writePipeline } from '../project.mjs';
import { source, taken } from '../source.mjs';
import { stepFlops } from '../work.mjs';

const sets = (...settings) => settings.flatMap((setting) => ['--set', setting]);

/** VGG16 up to fc2 with ten classes on top: operations of a step on 16 images, five convolutions and two pools frozen. */
async function fineTuningFlops(stored) {
  const { architectures, describeNetwork } = await source();
  const whole = architectures
    .find(({ name }) => name === 'vgg16')
    .build({ height: 224, width: 224, channels: 3, top: true, classes: 10, alpha: 1 });
  // Keras counts the input as the first of the eight layers.
  return 16 * stepFlops(taken(describeNetwork(whole)).layers, { frozen: 7, stored });
}

const fineTune = {
  computes: 'processor',
  name: 'fine-tune',
  what: 'a step of fine-tuning VGG16 with its top at 224×224, eight layers frozen as Keras counts, batch 16; from epochs of 6 steps and of 2',
  async *run(settings) {
    const folder = emptyProject();
    const tuned = {
      backbone: 'vgg16',
      weights: 'random',
      top: true,
      layer: 'fc2',
      freeze: { layers: 8 },
      batch: 16,
      epochs: 1,
    };
    writePipeline(folder, 'tune.yaml', {
      data: { kind: 'ingest-csv', with: { train: await generatedImages(folder, 96) } },
      some: { kind: 'split', from: 'data', with: {} },
      images: { kind: 'preprocess', from: 'some', with: { size: 224 } },
      tuned: { kind: 'fine-tune', from: 'images', with: tuned },
    });
    let rate = 0.001;
    const seconds = (take, mode) => {
      const some = take < 96 ? [`some.take=${take}`] : [];
      const words = sets(...some, `tuned.cacheFrozen=${mode}`, `tuned.optimizer.sgd.learningRate=${rate.toFixed(6)}`);
      return stageSeconds(['run', 'tune.yaml', ...words], folder, 'tuned');
    };
    seconds(96, 'always');
    const stepOf = (mode) => () => {
      rate += 1e-6;
      return (seconds(96, mode) - seconds(32, mode)) / 4;
    };
    const peers = await openPeers(settings, 'fine-tuning step of VGG16', { Keras: ['fine-tune-keras'] });
    const others = Object.entries(peers.open).map(([name, peer]) => [name, async () => (await peer.run()) / 2]);
    const alternatives = { stored: stepOf('always'), computed: stepOf('never'), ...Object.fromEntries(others) };
    const figures = await interleave(alternatives, settings.rounds(5));
    const to = peers.open.Keras?.title ?? 'computed';
    const flops = await fineTuningFlops(false);
    yield {
      what: 'fine-tuning step of VGG16: frozen part stored',
      unit: 's',
      figure: figures.stored,
      to,
      target: '≤ 0.85 ×',
      flops: await fineTuningFlops(true),
    };
    yield {
      what: 'fine-tuning step of VGG16: frozen part computed',
      unit: 's',
      figure: figures.computed,
      to,
      target: '≤ 1 ×',
      flops,
    };
    if (figures.Keras) yield { what: `fine-tuning step of VGG16: ${to}`, unit: 's', figure: figures.Keras, flops };
    yield* peers.absent;
    peers.close();
    const memory = peakMemory(['run', 'tune.yaml', ...sets('seed=99')], folder);
    yield { what: 'fine-tuning step of VGG16: peak memory', unit: 'MiB', figure: spread([memory]), target: '≤ 3500' };
  },
};

const secondFineTuning = {
  name: 'second-fine-tuning',
  what: 'VGG16 up to block 4 frozen: an epoch with the frozen part computed less one with it stored, against what `plan` says is saved',
  async *run({ rounds }) {
    const folder = emptyProject();
    writePipeline(folder, 'tune.yaml', {
      data: { kind: 'ingest-csv', with: { train: await generatedImages(folder, 48) } },
      images: { kind: 'preprocess', from: 'data', with: { size: 224 } },
      tuned: {
        kind: 'fine-tune',
        from: 'images',
        with: { backbone: 'vgg16', weights: 'random', freeze: { blocks: 4 }, batch: 16, epochs: 1 },
      },
    });
    spawnSync(process.execPath, [cli, 'engines', 'test'], { cwd: folder });
    const planned = [cli, 'plan', 'tune.yaml', ...sets('tuned.cacheFrozen=always')];
    const plan = spawnSync(process.execPath, planned, { cwd: folder, encoding: 'utf8' }).stdout;
    const predicted = Number(/saves about ([\d.]+) s an epoch/.exec(plan)?.[1]);
    if (!predicted) throw new Error(`plan says nothing of what is saved:\n${plan}`);
    let seed = 0;
    const seconds = (epochs, mode) => {
      const rate = `tuned.optimizer.sgd.learningRate=${0.001 + seed * 1e-5}`;
      return stageSeconds(
        ['run', 'tune.yaml', ...sets(`tuned.epochs=${epochs}`, `tuned.cacheFrozen=${mode}`, rate)],
        folder,
        'tuned',
      );
    };
    seconds(1, 'always');
    const epochOf = (mode) => (seconds(4, mode) - seconds(1, mode)) / 3;
    const saved = () => {
      seed++;
      return epochOf('never') - epochOf('always');
    };
    const figures = await interleave({ saved, predicted: () => predicted }, rounds(5));
    yield {
      what: 'saved an epoch by a stored frozen part, 48 images',
      unit: 's',
      figure: figures.saved,
      to: 'what `plan` said',
      target: '0.8–1.2 ×',
    };
  },
};

/** Forward operations of the CNN's layers on an image: convolutions of 5×5 to 32 channels without borders, pools of 4. */
const CNN = [
  { flops: 2 * 220 ** 2 * 32 * 75 },
  { flops: 2 * 51 ** 2 * 32 * 800 },
  { flops: 2 * 8 ** 2 * 32 * 800 },
  { flops: 2 * 128 * 64 },
  { flops: 2 * 64 * 10 },
];

const CNN_EPOCH = "epoch of the tutorial's CNN";

const cnn = {
  computes: 'processor',
  name: 'cnn',
  what: "an epoch of the tutorial's CNN at 224×224: 256 images, batch 32, Adam; the images in memory after the first epoch, as for the peers",
  async *run(settings) {
    const folder = emptyProject();
    const block = [{ conv2d: { filters: 32, size: 5, activation: 'relu' } }, { 'max-pool': { size: 4 } }];
    const layers = [
      ...block,
      ...block,
      ...block,
      'flatten',
      { dense: { units: 64, activation: 'relu' } },
      { dropout: 0.5 },
    ];
    writePipeline(folder, 'cnn.yaml', {
      data: { kind: 'ingest-csv', with: { train: await generatedImages(folder, 256) } },
      images: { kind: 'preprocess', from: 'data', with: { size: 224, normalize: 'unit' } },
      network: { kind: 'train-network', from: 'images', with: { layers, batch: 32 } },
    });
    let seed = 0;
    const seconds = (epochs) =>
      stageSeconds(['run', 'cnn.yaml', ...sets(`network.epochs=${epochs}`, `seed=${seed}`)], folder, 'network');
    const pipe = () => {
      seed++;
      return (seconds(4) - seconds(1)) / 3;
    };
    const peers = await openPeers(settings, CNN_EPOCH, { Keras: ['cnn-keras'], torch: ['cnn-torch'] });
    const others = Object.entries(peers.open).map(([name, peer]) => [name, () => peer.run()]);
    const figures = await interleave({ ...Object.fromEntries(others), pipe }, settings.rounds(7));
    const row = { unit: 's', flops: 256 * stepFlops(CNN) };
    yield { ...row, what: `${CNN_EPOCH}: pipe`, figure: figures.pipe };
    for (const [name, { title }] of Object.entries(peers.open))
      yield { ...row, what: `${CNN_EPOCH}: ${title}`, figure: figures[name], to: 'pipe', target: '≥ 1 ×' };
    yield* peers.absent;
    peers.close();
  },
};

export const cases = [fineTune, secondFineTuning, cnn];

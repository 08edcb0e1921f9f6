// Heads on stored features, one and many.
import { HEAD_STEP } from '../engine-work.mjs';
import { against, interleave, spread } from '../pairs.mjs';
import { asAlternatives, openPeers } from '../peers.mjs';
import {
  cli,
  emptyProject,
  generatedImages,
  lastLine,
  peakMemory,
  processMs,
  stageSeconds,
  writePipeline,
} from '../project.mjs';
import { denseStep } from '../work.mjs';

/** The tutorial's head on 25,088 features. */
export const HEAD = [25088, 1000, 500, 150, 10];

/** 25,088 features an image: block2_pool of VGG16 at 56×56. */
const headStages = (train) => ({
  data: { kind: 'ingest-csv', with: { train } },
  images: { kind: 'preprocess', from: 'data', with: { size: 56 } },
  features: {
    kind: 'extract-features',
    from: 'images',
    with: { backbone: 'vgg16', weights: 'random', layer: 'block2_pool' },
  },
  head: {
    kind: 'train-head',
    from: 'features',
    with: {
      layers: [
        { dense: { units: 1000, activation: 'relu' } },
        { dense: { units: 500, activation: 'sigmoid' } },
        { dense: { units: 150, activation: 'sigmoid' } },
      ],
      batch: 128,
    },
  },
});

/** A head of 512-64-10, ten epochs, with its score. */
const smallHeadStages = (train) => ({
  data: { kind: 'ingest-csv', with: { train } },
  split: { kind: 'split', from: 'data', with: { validation: 0.2 } },
  images: { kind: 'preprocess', from: 'split', with: { size: 32 } },
  features: {
    kind: 'extract-features',
    from: 'images',
    with: { backbone: 'vgg16', weights: 'random', pooling: 'average' },
  },
  head: {
    kind: 'train-head',
    from: 'features',
    with: { layers: [{ dense: { units: 64, activation: 'relu' } }], epochs: 10, batch: 64 },
  },
  score: { kind: 'evaluate', from: { model: 'head', data: 'features' }, with: { on: 'validation' } },
});

/** A project whose features are stored. */
async function withFeatures(stagesOf, count) {
  const folder = emptyProject();
  writePipeline(folder, 'head.yaml', stagesOf(await generatedImages(folder, count)));
  lastLine(['run', 'head.yaml', 'features'], folder);
  return folder;
}

const head = {
  computes: 'processor',
  name: 'head',
  what: "a step of the tutorial's head 25088-1000-500-150-10, batch 128, Adam, batches read from the cache; from runs of 2 and 5 epochs, so that all else falls out",
  async *run(settings) {
    const folder = await withFeatures(headStages, 1500);
    const steps = Math.ceil(1500 / 128);
    let seed = 0;
    const seconds = (epochs) =>
      stageSeconds(
        ['run', 'head.yaml', 'head', '--set', `head.epochs=${epochs}`, '--set', `seed=${seed}`],
        folder,
        'head',
      );
    const pipe = () => {
      seed++;
      return ((seconds(5) - seconds(2)) * 1000) / (3 * steps);
    };
    const peers = await openPeers(settings, HEAD_STEP, {
      Keras: ['head-keras'],
      torch: ['head-torch', 'cpu', 'float32'],
    });
    const others = Object.entries(peers.open).map(([name, peer]) => [
      name,
      async () => ((await peer.run()) * 1000) / 20,
    ]);
    const figures = await interleave({ ...Object.fromEntries(others), pipe }, settings.rounds(7));
    const row = { unit: 'ms a step', ...denseStep(HEAD, 128) };
    yield { ...row, what: `${HEAD_STEP}: pipe`, figure: figures.pipe };
    for (const name of Object.keys(peers.open))
      yield {
        ...row,
        what: `${HEAD_STEP}: ${peers.open[name].title}`,
        figure: figures[name],
        to: 'pipe',
        ...(name === 'Keras' && { target: '≥ 1.18 ×' }),
      };
    yield* peers.absent;
    peers.close();
    const memory = peakMemory(['run', 'head.yaml', 'head', '--set', 'head.epochs=2', '--set', 'seed=99'], folder);
    yield {
      what: "peak memory of training the tutorial's head",
      unit: 'MiB',
      figure: spread([memory]),
      target: '≤ 800',
    };
  },
};

const manyRows = {
  name: 'many-rows',
  what: "peak memory of training the tutorial's head, one epoch: 49,000 rows of 25,088 features (4.9 GB) against a tenth of them",
  async *run() {
    const peak = async (count) =>
      peakMemory(['run', 'head.yaml', 'head', '--set', 'head.epochs=1'], await withFeatures(headStages, count));
    const figures = await interleave({ whole: () => peak(49_000), tenth: () => peak(4900) }, 1);
    yield {
      what: 'peak memory of the head on 49,000 × 25,088',
      unit: 'MiB',
      figure: { ...figures.whole, interval: undefined },
      to: 'a tenth of the rows',
      target: '1 ×, ≤ 800',
    };
  },
};

const eightHeads = {
  name: 'eight-heads',
  what: 'eight heads of 512-64-10 in one sweep, against eight runs one after another; whole processes',
  async *run({ rounds }) {
    const folder = await withFeatures(smallHeadStages, 2000);
    const rates = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => (i * 5e-4).toFixed(4));
    const path = 'head.optimizer.adam.learningRate';
    let seed = 0;
    const together = () =>
      processMs(
        [cli, 'sweep', 'head.yaml', '--over', `${path}=${rates}`, '--set', `seed=${++seed}`, '--quiet'],
        folder,
      );
    const apart = () => {
      seed++;
      const one = (rate) =>
        processMs([cli, 'run', 'head.yaml', '--set', `${path}=${rate}`, '--set', `seed=${seed}`, '--quiet'], folder);
      return rates.reduce((ms, rate) => ms + one(rate), 0);
    };
    const figures = await interleave({ together, apart }, rounds(7));
    yield {
      what: 'eight heads of 512-64-10 in one sweep',
      unit: 'ms',
      figure: figures.together,
      to: 'eight runs',
      target: '≤ 0.6 ×',
    };
  },
};

const SWEEP = 'sweep of 20 heads of 512-64-10';
const SWEEP_TARGETS = { DVC: '≥ 15 ×', Snakemake: '≥ 4 ×' };

const sweep = {
  name: 'sweep',
  what: 'twenty heads of 512-64-10 over cached features of 2,000 images, ten epochs each; whole processes; DVC and Snakemake over features of the same size',
  async *run(settings) {
    const folder = await withFeatures(smallHeadStages, 2000);
    const swept = (rates) =>
      processMs([cli, 'sweep', 'head.yaml', '--over', `head.optimizer.adam.learningRate=${rates}`, '--quiet'], folder);
    let base = 0.0005;
    const twenty = () => {
      const rates = Array.from({ length: 20 }, (_, i) => (base + i * 1e-5).toFixed(5));
      base += 0.001;
      return swept(rates);
    };
    const again = () => swept(['0.0005', '0.00051', '0.00052']);
    const cached = () => processMs([cli, 'run', 'head.yaml', 'features'], folder);
    const peers = await openPeers(settings, SWEEP, { DVC: ['sweep-dvc'], Snakemake: ['sweep-snakemake'] });
    const figures = await interleave({ again, cached, ...asAlternatives(peers, 1), twenty }, settings.rounds(7));
    const row = { unit: 'ms' };
    yield { ...row, what: SWEEP, figure: figures.twenty };
    for (const [name, { title }] of Object.entries(peers.open))
      yield { ...row, what: `${SWEEP}: ${title}`, figure: figures[title], to: 'pipe', target: SWEEP_TARGETS[name] };
    yield* peers.absent;
    peers.close();
    yield {
      ...row,
      what: 'a finished sweep again, 3 trials',
      figure: against(figures.again, figures.cached),
      to: 'a cached run',
      target: '≤ 2 ×',
    };
  },
};

export const cases = [head, manyRows, eightHeads, sweep];

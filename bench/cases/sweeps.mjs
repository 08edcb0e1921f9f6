// Many heads on the same stored features, as whole processes.
import { against, interleave, spread } from '../pairs.mjs';
import { asAlternatives, openPeers } from '../peers.mjs';
import { cli, lastLine, measured, processMs } from '../project.mjs';
import { headStages, withFeatures } from './heads.mjs';

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

/** Values around `base` that no earlier round has had. */
function fresh(count, base, step = 0.01) {
  let round = 0;
  return () => {
    round++;
    return Array.from({ length: count }, (_, i) => (base * (1 + round / 10 + (i * step) / 10)).toPrecision(6));
  };
}

const RATE = 'head.optimizer.adam.learningRate';

/** Milliseconds of a sweep over learning rates, and of runs one after another. */
const swept = (folder, rates, ...more) =>
  processMs([cli, 'sweep', 'head.yaml', '--over', `${RATE}=${rates}`, '--quiet', ...more], folder);
const alone = (folder, rate, ...more) =>
  processMs([cli, 'run', 'head.yaml', '--set', `${RATE}=${rate}`, '--quiet', ...more], folder);

/** Heads together against the same heads one after another. */
async function togetherAndApart(folder, count, base, rounds, ...more) {
  const next = fresh(count, base);
  const together = () => swept(folder, next(), ...more);
  const apart = () => next().reduce((ms, rate) => ms + alone(folder, rate, ...more), 0);
  return interleave({ together, apart }, rounds);
}

const eightHeads = {
  name: 'eight-heads',
  what: 'eight heads of 512-64-10 in one sweep, against eight runs one after another',
  async *run({ rounds }) {
    const folder = await withFeatures(smallHeadStages, 2000);
    const { together } = await togetherAndApart(folder, 8, 0.001, rounds(7));
    const what = 'eight heads of 512-64-10 in one sweep';
    yield { what, unit: 'ms', figure: together, to: 'eight runs', target: '≤ 0.6 ×' };
  },
};

/** A score for the tutorial's head, so that there is a goal. */
const tutorialStages = (train) => ({
  ...headStages(train),
  score: { kind: 'evaluate', from: { model: 'head', data: 'features' }, with: { on: 'train' } },
});

const tutorialHeads = {
  computes: 'processor',
  name: 'tutorial-heads',
  what: "eight of the tutorial's heads on 25,088 features in one sweep, two epochs of 1,500 rows, against eight runs; features read and memory taken",
  async *run({ rounds }) {
    const folder = await withFeatures(tutorialStages, 1500);
    const what = "eight of the tutorial's heads in one sweep";
    const { together } = await togetherAndApart(folder, 8, 0.001, rounds(3), '--set', 'head.epochs=2');
    yield { what, unit: 'ms', figure: together, to: 'eight runs', target: '≤ 1 ×' };
    const words = ['sweep', 'head.yaml', '--over', `${RATE}=${fresh(8, 0.05)()}`, '--set', 'head.epochs=2'];
    const { groups } = lastLine([...words, '--dry-run'], folder);
    const { last, mebibytes } = measured(words, folder);
    yield {
      what: `${what}: features read`,
      unit: 'MB',
      figure: { ...spread([last.features.read / 1e6]), ratio: last.features.read / last.features.given },
      to: 'one by one',
      target: 'once',
    };
    yield {
      what: `${what}: peak memory`,
      unit: 'MiB',
      figure: { ...spread([mebibytes]), ratio: mebibytes / (groups.bytes / 2 ** 20) },
      to: 'what plan says the group takes',
    };
  },
};

/** A linear head on 25,088 features, ten epochs. */
const linearStages = (train) => ({
  ...headStages(train),
  split: { kind: 'split', from: 'data', with: { validation: 0.2 } },
  images: { kind: 'preprocess', from: 'split', with: { size: 56 } },
  head: { kind: 'train-head', from: 'features', with: { layers: [], epochs: 10, batch: 128 } },
  score: { kind: 'evaluate', from: { model: 'head', data: 'features' }, with: { on: 'validation' } },
});

/** The narrowest layer that ONNX Runtime computes as it computes wide ones. */
const PADDED = { dense: { units: 128, activation: 'linear' } };

const linearSweep = {
  computes: 'processor',
  name: 'linear-sweep',
  what: 'twenty linear heads on 25,088 features of 1,500 images in one sweep, against one head at the padded width of 128 and against one as it is',
  async *run({ rounds }) {
    const folder = await withFeatures(linearStages, 1500);
    const [rates, single] = [fresh(20, 0.0001), fresh(1, 0.0003)];
    const alternatives = {
      padded: () => alone(folder, single(), '--set', `head.layers=${JSON.stringify([PADDED])}`),
      one: () => alone(folder, single()),
      twenty: () => swept(folder, rates()),
    };
    const { padded, one, twenty } = await interleave(alternatives, rounds(5));
    const row = { what: 'twenty linear heads on 25,088 features in one sweep', unit: 'ms' };
    yield { ...row, figure: against(twenty, padded), to: 'one head of 128 columns', target: '≤ 3 ×' };
    yield { ...row, figure: against(twenty, one), to: 'one head' };
  },
};

const SWEEP = 'sweep of 20 heads of 512-64-10';
const SWEEP_TARGETS = { DVC: '≥ 15 ×', Snakemake: '≥ 4 ×' };

const sweep = {
  name: 'sweep',
  what: 'twenty heads of 512-64-10 over cached features of 2,000 images, ten epochs each; DVC and Snakemake over features of the same size',
  async *run(settings) {
    const folder = await withFeatures(smallHeadStages, 2000);
    const rates = fresh(20, 0.001);
    const peers = await openPeers(settings, SWEEP, { DVC: ['sweep-dvc'], Snakemake: ['sweep-snakemake'] });
    const alternatives = { ...asAlternatives(peers, 1), twenty: () => swept(folder, rates()) };
    const figures = await interleave(alternatives, settings.rounds(7));
    yield { what: SWEEP, unit: 'ms', figure: figures.twenty };
    for (const [name, { title }] of Object.entries(peers.open))
      yield { what: `${SWEEP}: ${title}`, unit: 'ms', figure: figures[title], to: 'pipe', target: SWEEP_TARGETS[name] };
    yield* peers.absent;
    peers.close();
  },
};

const finished = {
  name: 'finished-sweep',
  what: 'a finished sweep of 100 trials again, against a cached run',
  async *run({ rounds }) {
    const folder = await withFeatures(smallHeadStages, 200);
    const hundred = fresh(100, 0.001)();
    const few = ['--set', 'head.epochs=1'];
    const again = () => swept(folder, hundred, ...few);
    const cached = () => alone(folder, hundred[0], ...few);
    again();
    cached();
    const figures = await interleave({ again, cached }, rounds(9));
    const what = 'a finished sweep again, 100 trials';
    yield { what, unit: 'ms', figure: figures.again, to: 'a cached run', target: '≤ 2 ×' };
  },
};

const largePlan = {
  name: 'large-plan',
  what: 'planning a sweep of 10,000 trials',
  async *run({ rounds }) {
    const folder = await withFeatures(smallHeadStages, 200);
    const rates = Array.from({ length: 1000 }, (_, i) => (0.0001 * (i + 1)).toFixed(4));
    const over = ['--over', `${RATE}=${rates}`, '--over', 'head.batch=8,16,24,32,40,48,56,64,72,80'];
    const words = ['sweep', 'head.yaml', ...over, '--trials', '10000', '--dry-run'];
    const plan = () => processMs([cli, ...words, '--quiet'], folder);
    const what = 'plan of a sweep of 10,000 trials';
    const { figure } = await interleave({ figure: plan }, rounds(5));
    yield { what, unit: 'ms', figure, target: '≤ 2000 ms' };
    const { last, mebibytes } = measured(words, folder);
    if (last.trials !== 10_000) throw new Error(`${last.trials} trials were planned`);
    yield { what: `${what}: peak memory`, unit: 'MiB', figure: spread([mebibytes]), target: '≤ 286' };
  },
};

export const cases = [eightHeads, tutorialHeads, linearSweep, sweep, finished, largePlan];

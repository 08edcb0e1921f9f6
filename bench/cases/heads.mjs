// A head on stored features.
import { HEAD_STEP } from '../engine-work.mjs';
import { interleave, spread } from '../pairs.mjs';
import { openPeers } from '../peers.mjs';
import { emptyProject, generatedImages, lastLine, peakMemory, stageSeconds, writePipeline } from '../project.mjs';
import { denseStep } from '../work.mjs';

/** The tutorial's head on 25,088 features. */
export const HEAD = [25088, 1000, 500, 150, 10];

/** 25,088 features an image: block2_pool of VGG16 at 56×56. */
export const headStages = (train) => ({
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

/** A project whose features are stored. */
export async function withFeatures(stagesOf, count) {
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

export const cases = [head, manyRows];

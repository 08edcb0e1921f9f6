/** Classifiers through the front door: on the features of real photos as good as scikit-learn's, and wrong settings. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePipeline } from '../../src/config/parse-pipeline.ts';
import { stageKinds } from '../../src/stages/index.ts';
import { CliRig } from '../cli-rig.ts';
import { folderWith, problemsOf } from '../pipeline-rig.ts';
import { sharedPath } from '../shared-data.ts';

const photos = sharedPath('datasets/hymenoptera');
const mobile = sharedPath('models/mobilenet_v1_0.25_224/mobilenet_2_5_224_tf_no_top.h5');
const squeeze = sharedPath('models/squeezenet1.1/squeezenet1.1_rebuilt.onnx');

const vectors = new URL('../vectors/sklearn-classifiers/hymenoptera.json', import.meta.url);
interface Answer {
  readonly accuracy: number;
  readonly 'log-loss'?: number;
}
const { answers }: { readonly answers: Readonly<Record<string, Answer>> } = JSON.parse(readFileSync(vectors, 'utf8'));

const head = (network: string) => `
  ${network}-head:
    kind: train-head
    from: ${network}
    matrix: { classifier: [linear-svm, logistic-regression, knn, nearest-centroid] }
    with: { classifier: "\${matrix.classifier}", standardize: true }
  ${network}-score: { kind: evaluate, from: { model: ${network}-head, data: ${network} }, with: { on: test } }
  ${network}-pca:
    kind: train-head
    from: ${network}
    with: { classifier: logistic-regression, standardize: true, pca: 0.95 }
  ${network}-pca-score: { kind: evaluate, from: { model: ${network}-pca, data: ${network} }, with: { on: test } }
  ${network}-export: { kind: export-features, from: ${network}, with: { format: npy, file: ${network} } }`;

const pipeline = `
seed: 42
stages:
  photos: { kind: ingest-folder, with: { train: ${photos}/train, test: ${photos}/val } }
  mobile-images: { kind: preprocess, from: photos, with: { size: [224, 224], onBadImage: skip, normalize: tf } }
  mobile:
    kind: extract-features
    from: mobile-images
    with: { backbone: { mobilenet-v1: { alpha: 0.25 } }, weights: ${mobile}, top: false, pooling: average }
  squeeze-images: { kind: preprocess, from: photos, with: { size: [224, 224], onBadImage: skip, normalize: torch } }
  squeeze: { kind: extract-features, from: squeeze-images, with: { backbone: ${squeeze} } }
${head('mobile')}
${head('squeeze')}
`;

it.skipIf(!photos || !mobile || !squeeze)(
  'equals scikit-learn on MobileNet and SqueezeNet features of ants and bees (needs the shared photos and weights)',
  async () => {
    using rig = new CliRig();
    rig.write('bugs.yaml', pipeline);
    const { outcome, metrics } = await rig.last('run', 'bugs.yaml');
    expect(outcome).toBe('succeeded');
    for (const [name, answer] of Object.entries(answers)) {
      const [network = '', classifier = ''] = name.split('@');
      const stage = classifier === 'pca' ? `${network}-pca-score` : `${network}-score@${classifier}`;
      const accuracy = metrics[stage]?.['accuracy'] ?? Number.NaN;
      expect(Math.abs(accuracy - answer.accuracy), name).toBeLessThan(0.005);
      const loss = answer['log-loss'];
      if (loss !== undefined) expect((metrics[stage]?.['log-loss'] ?? Number.NaN) / loss, name).toBeCloseTo(1, 3);
      else expect(metrics[stage]?.['log-loss'], name).toBeLessThan(0.5);
    }
  },
  300_000,
);

describe('wrong settings', () => {
  const refused = async (settings: string): Promise<string> => {
    const folder = folderWith({
      'p.yaml': `stages:
  a: { kind: ingest-folder, with: { train: t } }
  b: { kind: preprocess, from: a }
  c: { kind: extract-features, from: b, with: { backbone: vgg-mini } }
  d: { kind: train-head, from: c, with: { ${settings} } }
`,
    });
    const options = { kinds: stageKinds, overrides: [], environment: {}, root: folder };
    return problemsOf(await parsePipeline(`${folder}/p.yaml`, options)).join('\n');
  };

  it.each([
    ['classifier: linear-svn', /^P012 5:\d+ .*"linear-svn".*did you mean "linear-svm"\?/],
    ['classifier: { svm: { C: 1 } }', /unknown key "svm".*linear-svm/],
    ['classifier: { linear-svm: { C: 0 } }', /^P016 5:\d+ .*C: 0 must be more than 0/],
    ['classifier: { logistic-regression: { C: -1 } }', /^P016 .*C: -1 must be more than 0/],
    ['classifier: { knn: { metric: cosin } }', /did you mean "cosine"\?/],
    ['classifier: { knn: { k: 0 } }', /k: 0 must be at least 1/],
    ['pca: 1.5', /^P01\d 5:\d+ .*pca/],
    ['pca: 0', /^P01\d 5:\d+ .*pca/],
  ])('%s', async (settings, expected) => {
    expect(await refused(settings)).toMatch(expected);
  });

  it('takes classifiers and components as they are meant', async () => {
    expect(await refused('classifier: { knn: { k: 3 } }, pca: 0.95, standardize: true')).toBe('');
  });
});

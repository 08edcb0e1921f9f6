/** Augmented images from CIFAR files, through the front door. */
import { describe, expect, it } from 'vitest';
import { DrawStream } from '../../src/base/philox.ts';
import { CliRig } from '../cli-rig.ts';

/** Records of two classes: bright in the red plane or in the blue one, with noise. */
function records(first: number, count: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, i) => {
      const label = i % 2;
      const draws = new DrawStream(first + i, 'record');
      const bright = label === 0 ? 0 : 2;
      const pixels = Array.from(
        { length: 3072 },
        (_pixel, at) => (at >> 10 === bright ? 150 : 0) + (draws.uint32() & 63),
      );
      return Buffer.from([label, ...pixels]);
    }),
  );
}

const data = `stages:
  pictures:
    kind: ingest-cifar
    with: { train: { files: data_batch_*.bin }, test: { files: test_batch.bin }, labels: batches.meta.txt }
  split: { kind: split, from: pictures, with: { validation: 0.25, take: 40 } }
  images:
    kind: preprocess
    from: split
    with:
      size: 16
      augment: { flip: horizontal, shift: 0.1, rotate: 10, contrast: 0.2, fill: reflect }
`;

function project(rest: string): CliRig {
  const rig = new CliRig();
  rig.write('data_batch_1.bin', records(0, 30));
  rig.write('data_batch_2.bin', records(30, 20));
  rig.write('test_batch.bin', records(50, 6));
  rig.write('batches.meta.txt', 'red\nblue\n');
  rig.write('pictures.yaml', `pipeline: pictures\n${data}${rest}`);
  return rig;
}

describe('augmentation', () => {
  it('trains on changed images and scores unchanged ones', async () => {
    using rig = project(`  network:
    kind: train-network
    from: images
    with: { layers: [{ conv2d: { filters: 4, size: 3, activation: relu } }, global-average-pool], epochs: 6, batch: 8, optimizer: { adam: { learningRate: 0.05 } } }
  score: { kind: evaluate, from: { model: network, data: images } }
  submission: { kind: predict, from: { model: network, data: images }, with: { on: test, file: predictions.csv } }
`);
    const first = await rig.last('run', 'pictures.yaml');
    expect(first.outcome).toBe('succeeded');
    expect(first.metrics['score']?.['accuracy']).toBe(1);
    const predictions = rig.read('results/pictures/predictions.csv').trimEnd().split('\n');
    expect(predictions.slice(0, 3)).toEqual([
      'filename,label',
      'test_batch.bin/0000000,red',
      'test_batch.bin/0000001,blue',
    ]);
    expect(predictions).toHaveLength(7);
    const again = await rig.last('run', 'pictures.yaml', '--set', 'images.augment.fill=reflect');
    expect(new Set(Object.values(again.stages).map(({ status }) => status))).toEqual(new Set(['cached']));
    const other = await rig.last('run', 'pictures.yaml', '--set', 'images.augment.rotate=0');
    expect(other.stages['network']?.status).toBe('ran');
    expect(other.stages['split']?.status).toBe('cached');
  });

  it('is refused, before anything runs, where features are kept', async () => {
    using rig = project(`  features: { kind: extract-features, from: images, with: { backbone: vgg-mini } }
`);
    for (const command of ['plan', 'run']) {
      const { code, stderr } = await rig.run(command, 'pictures.yaml');
      expect(code).toBe(3);
      expect(stderr).toContain('S042');
      expect(stderr).toContain('images augments its images anew in every epoch');
      expect(stderr).toContain('pictures.yaml:12:');
      expect(stderr).toContain('train-network or fine-tune');
    }
  });
});

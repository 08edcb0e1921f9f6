import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StageRig } from '../../../test/stage-rig.ts';
import { problem } from '../../base/diagnostic.ts';
import { digestOf } from '../../base/digest.ts';
import type { Json } from '../../base/json.ts';
import { err, ok } from '../../base/result.ts';
import type { ImageSource } from '../../data/image-source.ts';
import { type Row, RowTable, type Split } from '../../data/row-table.ts';
import type { StageFailure } from '../stage-kind.ts';
import { preprocess } from './index.ts';
import { body } from './run.ts';

let rig: StageRig;
beforeEach(() => {
  rig = new StageRig();
});
afterEach(() => rig[Symbol.dispose]());

/** An image of one colour, or one that is none. */
type Picture = readonly [split: Split, colour: readonly [number, number, number] | 'broken'];

const name = (i: number) => `${i}.png`;

async function run(given: Json, pictures: readonly Picture[], signal?: AbortSignal) {
  const table = RowTable.from(
    ['a', 'b'],
    pictures.map(
      ([split], i): Row => ({
        split,
        part: split,
        label: i % 2,
        key: Buffer.from(digestOf(name(i)), 'hex'),
        name: name(i),
      }),
    ),
  );
  const asked: string[] = [];
  const images: ImageSource = {
    async read(_part, file) {
      asked.push(file);
      const colour = pictures[Number.parseInt(file, 10)]?.[1];
      if (colour === undefined) return err(problem('D003', `no image ${file}`));
      if (colour === 'broken') return ok({ kind: 'encoded', bytes: new Uint8Array(), path: file });
      const [r, g, b] = colour;
      const bytes = await sharp({ create: { width: 5, height: 3, channels: 3, background: { r, g, b } } })
        .png()
        .toBuffer();
      return ok({ kind: 'encoded', bytes, path: file });
    },
  };
  const counts = {
    train: table.rowsOf('train').length,
    validation: table.rowsOf('validation').length,
    test: table.rowsOf('test').length,
  };
  const data = { type: 'dataset', classes: ['a', 'b'], counts, rows: await rig.put(table) } as const;
  const context = rig.context({ inputs: { data }, images, ...(signal && { signal }) });
  return { done: await body.run(preprocess.complete(given), context), asked };
}

async function normalized(given: Json, pictures: readonly Picture[]) {
  const { done } = await run(given, pictures);
  if (!done.ok) throw new Error(JSON.stringify(done.error));
  const { images } = done.value.artifacts;
  if (images?.type !== 'images' || images.pixels.normalize === 'backbone') throw new Error('not settled');
  return images.pixels.normalize;
}

const faults = (failure: StageFailure) =>
  failure.reason === 'diagnostics'
    ? failure.diagnostics.map(({ code, message, help }) => `${code} ${message} | ${help}`)
    : [];

describe('normalize: dataset', () => {
  const size = { size: 4, normalize: 'dataset' };

  it('is the mean and deviation of each channel over the training images alone', async () => {
    const found = await normalized(size, [
      ['train', [10, 100, 200]],
      ['train', [30, 100, 0]],
      ['validation', [255, 255, 255]],
      ['test', [0, 0, 0]],
    ]);
    expect(found.mean).toEqual([20, 100, 100]);
    expect([found.std[0], found.std[2]]).toEqual([10, 100]);
    expect(found).toMatchObject({ scale: 1, reverse: false });
  });

  it('leaves a channel without variance at its scale', async () => {
    const found = await normalized(size, [['train', [10, 100, 200]]]);
    expect(found.std).toEqual([1, 1, 1]);
  });

  it('of grey images has one channel', async () => {
    const found = await normalized({ ...size, channels: 'gray' }, [
      ['train', [40, 40, 40]],
      ['train', [60, 60, 60]],
    ]);
    expect(found).toMatchObject({ mean: [50], std: [10] });
  });

  it('reads the training images only, and is the same to the last bit in any order', async () => {
    const pictures = Array.from(
      { length: 70 },
      (_, i): Picture => [i % 7 === 0 ? 'test' : 'train', [i * 3, 255 - i, (i * i) % 256]],
    );
    const { asked, done } = await run(size, pictures);
    expect(asked.sort()).toEqual(pictures.flatMap(([split], i) => (split === 'train' ? [name(i)] : [])).sort());
    const again = await run(size, pictures);
    expect(again.done).toEqual(done);
  });

  it('D11: is refused without a training image, with another way', async () => {
    const { done } = await run(size, [['test', [1, 2, 3]]]);
    expect(done.ok ? [] : faults(done.error)).toEqual([
      'D015 there are no training images to measure `normalize: dataset` on | give `train` images, or name values: normalize: { mean: [128], std: [64] }',
    ]);
  });

  it('I1, I11: fails with the name of a bad image, or leaves it out where told so', async () => {
    const pictures: readonly Picture[] = [
      ['train', [10, 10, 10]],
      ['train', 'broken'],
      ['train', [30, 30, 30]],
    ];
    const failed = await run(size, pictures);
    expect(failed.done.ok ? [] : faults(failed.done.error)).toEqual([
      expect.stringMatching(/^I002 1\.png is empty \(0 bytes\) \|.*onBadImage: skip/),
    ]);
    expect(await normalized({ ...size, onBadImage: 'skip' }, pictures)).toMatchObject({
      mean: [20, 20, 20],
      std: [10, 10, 10],
    });
    const none = await run({ ...size, onBadImage: 'skip' }, [['train', 'broken']]);
    expect(none.done.ok ? [] : faults(none.done.error)).toEqual([
      expect.stringMatching(/^D015 there are no training images that can be read/),
    ]);
  });

  it('ends as interrupted on the signal', async () => {
    const { done } = await run(size, [['train', [1, 2, 3]]], AbortSignal.abort());
    expect(done).toEqual({ ok: false, error: { reason: 'interrupted' } });
  });
});

describe('the other modes', () => {
  it.each(['caffe', 'tf', 'torch', 'unit', 'none'])(
    '%s follows from the params: no image is read',
    async (normalize) => {
      const { done, asked } = await run({ size: 4, normalize }, [['train', 'broken']]);
      expect(asked).toEqual([]);
      const artifact = done.ok ? done.value.artifacts['images'] : undefined;
      const rows = artifact?.type === 'images' ? artifact.rows : digestOf('');
      expect({ ...artifact, classes: [] }).toEqual(
        preprocess.preview?.(preprocess.complete({ size: 4, normalize }), rows),
      );
    },
  );

  it('one number a size, one value a channel', async () => {
    expect(preprocess.complete({ size: 32 })).toEqual(preprocess.complete({ size: [32, 32] }));
    expect(preprocess.complete({ size: [10, 20], crop: 8 })).toMatchObject({
      height: 10,
      width: 20,
      crop: { height: 8, width: 8 },
    });
    expect(await normalized({ normalize: { mean: [1, 2, 3], std: [4, 5, 6] } }, [['train', 'broken']])).toEqual({
      scale: 1,
      mean: [1, 2, 3],
      std: [4, 5, 6],
      reverse: false,
    });
  });
});

import { describe, expect, it } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { DrawStream } from '../../base/philox.ts';
import { ok } from '../../base/result.ts';
import type { ImageSource } from '../../data/image-source.ts';
import { type Row, RowTable } from '../../data/row-table.ts';
import { changeImage, drawChange } from '../../images/augment.ts';
import type { SettledPixels } from '../../images/pixel-spec.ts';
import { ImageInputs, SkippedImages } from './image-inputs.ts';

const SIDE = 6;
const SIZE = SIDE * SIDE * 3;
const augment = {
  flip: 'both',
  shift: { height: 0.2, width: 0.2 },
  rotate: 30,
  zoom: 0.2,
  shear: 5,
  contrast: 0.2,
  brightness: 0.2,
  fill: 'reflect',
} as const;
const spec: SettledPixels = {
  height: SIDE,
  width: SIDE,
  fit: 'fill',
  kernel: 'bilinear',
  channels: 'rgb',
  crop: null,
  normalize: { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], reverse: false },
  augment,
  onBadImage: 'fail',
  decoder: 1,
};

function pixelsOf(number: number): Uint8Array {
  const draws = new DrawStream(number, 'image');
  return Uint8Array.from({ length: SIZE }, () => draws.uint32() & 255);
}

const images: ImageSource = {
  async read(_part, name) {
    return ok({ kind: 'raw', pixels: pixelsOf(Number(name)), height: SIDE, width: SIDE, channels: 3, path: name });
  },
};

/** A table of numbered images in this order. */
function tableOf(...numbers: readonly number[]): RowTable {
  const rows = numbers.map((number): Row => {
    const key = Buffer.from(digestOf(pixelsOf(number)), 'hex');
    return { split: 'train', part: 'train', label: 0, key, name: String(number) };
  });
  return RowTable.from(['only'], rows);
}

interface Reading {
  readonly table?: RowTable;
  readonly order?: readonly number[];
  readonly batch?: number;
  readonly epoch?: number;
  readonly seed?: number;
  readonly pixels?: SettledPixels;
}

/** What is read, by the image's name. */
async function read(reading: Reading): Promise<Readonly<Record<string, Float32Array>>> {
  const { table = tableOf(0, 1, 2, 3, 4), order = [0, 1, 2, 3, 4], batch = 2, epoch, seed, pixels = spec } = reading;
  const skips = new SkippedImages(() => {});
  const inputs = new ImageInputs({ table, spec: pixels, images, skips, ...(seed !== undefined && { seed }) });
  const reader = inputs.open(Uint32Array.from(order), batch, epoch);
  const found: Record<string, Float32Array> = {};
  for (;;) {
    const next = await reader.next();
    if (!next.ok) throw new Error('unreadable');
    if (!next.value) break;
    const { input, rows } = next.value;
    rows.forEach((row, i) => {
      found[table.name(row)] = input.slice(i * SIZE, (i + 1) * SIZE);
    });
  }
  await reader.close();
  return found;
}

const plain = Object.fromEntries([0, 1, 2, 3, 4].map((i) => [String(i), Float32Array.from(pixelsOf(i))]));

describe('ImageInputs', () => {
  it('augments in a training, by the seed, the image and the epoch', async () => {
    const first = await read({ seed: 1, epoch: 0 });
    const table = tableOf(0, 1, 2, 3, 4);
    for (let row = 0; row < 5; row++) {
      const change = drawChange(augment, spec, { seed: 1, epoch: 0, image: table.key(row) });
      expect(first[row]).toEqual(changeImage(pixelsOf(row), { height: SIDE, width: SIDE, channels: 3 }, change));
      expect(first[row]).not.toEqual(plain[row]);
    }
    expect(await read({ seed: 1, epoch: 0 })).toEqual(first);
    expect(await read({ seed: 1, epoch: 1 })).not.toEqual(first);
    expect(await read({ seed: 2, epoch: 0 })).not.toEqual(first);
  });

  it('augments the same whatever the order, the batch and the other rows', async () => {
    const expected = await read({ seed: 1, epoch: 3 });
    expect(await read({ seed: 1, epoch: 3, order: [4, 2, 0, 1, 3], batch: 3 })).toEqual(expected);
    expect(await read({ seed: 1, epoch: 3, table: tableOf(3, 4, 0, 2, 1), batch: 1 })).toEqual(expected);
    const fewer = await read({ seed: 1, epoch: 3, table: tableOf(9, 2), order: [1] });
    expect(fewer).toEqual({ 2: expected[2] });
  });

  it('leaves images as they are outside of a training, and where nothing is asked for', async () => {
    expect(await read({ seed: 1 })).toEqual(plain);
    expect(await read({})).toEqual(plain);
    expect(await read({ seed: 1, epoch: 0, pixels: { ...spec, augment: null } })).toEqual(plain);
  });

  it('augments before it normalizes', async () => {
    const normalize = { scale: 1 / 255, mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.1], reverse: true };
    const raw = await read({ seed: 1, epoch: 0 });
    const normalized = await read({ seed: 1, epoch: 0, pixels: { ...spec, normalize } });
    normalized['0']?.forEach((value, at) => {
      const channel = 2 - (at % 3);
      const number = raw['0']?.[at - (at % 3) + channel] ?? Number.NaN;
      const expected = (number / 255 - (normalize.mean[channel] ?? 0)) / (normalize.std[channel] ?? 1);
      expect(Math.abs(value - expected)).toBeLessThan(1e-5);
    });
  });
});

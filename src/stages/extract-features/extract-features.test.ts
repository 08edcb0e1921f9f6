import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StageRig } from '../../../test/stage-rig.ts';
import { problem } from '../../base/diagnostic.ts';
import { digestOf } from '../../base/digest.ts';
import type { Json } from '../../base/json.ts';
import { err, ok } from '../../base/result.ts';
import type { ImageSource } from '../../data/image-source.ts';
import { type Row, RowTable } from '../../data/row-table.ts';
import type { Engine } from '../../engines/engine.ts';
import { Forward } from '../../engines/ort/forward-session.ts';
import { useTraceBackend } from '../../engines/ort/trace.ts';
import { TRACE } from '../../engines/ort/trace-backend.ts';
import { encodeFloat16 } from '../../files/float16.ts';
import type { PixelSpec } from '../../images/pixel-spec.ts';
import type { FeaturesArtifact, ImagesArtifact } from '../artifacts.ts';
import type { CountContext, ResolveContext, StageOutcome } from '../stage-kind.ts';
import { extractFeatures } from './index.ts';
import { body } from './run.ts';

let rig: StageRig;
beforeEach(() => {
  rig = new StageRig();
});
afterEach(() => rig[Symbol.dispose]());

const pixels: PixelSpec = {
  height: 16,
  width: 16,
  fit: 'fill',
  kernel: 'bilinear',
  channels: 'rgb',
  crop: null,
  normalize: 'backbone',
  augment: null,
  onBadImage: 'fail',
  decoder: 1,
};

/** Images by number: number i is a 16×16 picture of its own; reads are counted, and some are bad. */
class NumberedImages implements ImageSource {
  readonly reads: string[] = [];
  readonly bad: ReadonlySet<string>;

  constructor(...bad: string[]) {
    this.bad = new Set(bad);
  }

  async read(_part: string, name: string) {
    this.reads.push(name);
    if (this.bad.has(name)) return err(problem('I001', `${name} is broken`));
    return ok({
      kind: 'raw',
      pixels: pictureOf(Number.parseInt(name, 10)),
      height: 16,
      width: 16,
      channels: 3,
      path: name,
    } as const);
  }

  describe(_part: string, name: string): string {
    return name;
  }
}

function pictureOf(number: number): Uint8Array {
  return Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (i * (number + 3) * 7 + ((i * i) % (number + 11))) & 255);
}

/** Rows named `<number>.png`, or `<number>-<copy>.png` for further rows of one image. */
function tableOf(...names: string[]): RowTable {
  const rows = names.map((name, i): Row => {
    const key = Buffer.from(digestOf(pictureOf(Number.parseInt(name, 10))), 'hex');
    return { split: i % 3 === 2 ? 'validation' : 'train', part: 'train', label: i % 2, key, name };
  });
  return RowTable.from(['a', 'b'], rows);
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `${i}.png`);

async function imagesOf(table: RowTable, spec: PixelSpec = pixels): Promise<ImagesArtifact> {
  return { type: 'images', classes: table.classes, rows: await rig.put(table), pixels: spec };
}

const resolving: ResolveContext = {
  baseDirectory: () => rig.folder,
  at: () => undefined,
  digests: { of: async () => err(problem('D001', 'no files here')) },
  memo: { get: () => undefined, set: () => {} },
  home: '',
  offline: true,
  root: '',
};

const small: Json = { backbone: 'vgg-mini', weights: 'random', layer: 'block1_pool', pooling: 'average' };

async function asked(
  given: Json,
  data: ImagesArtifact,
  images: ImageSource,
  more: Partial<Parameters<StageRig['context']>[0]> = {},
) {
  const params = extractFeatures.complete(given);
  const resolved = await extractFeatures.resolve?.(params, resolving);
  if (!resolved?.ok) throw new Error(JSON.stringify(resolved));
  return { params, context: rig.context({ inputs: { data }, images, resolved: resolved.value, ...more }) };
}

async function extracted(
  given: Json,
  data: ImagesArtifact,
  images: ImageSource,
  more: Partial<Parameters<StageRig['context']>[0]> = {},
): Promise<StageOutcome & { features: FeaturesArtifact }> {
  const { params, context } = await asked(given, data, images, more);
  const outcome = await body.run(params, context);
  const features = outcome.ok ? outcome.value.artifacts['features'] : undefined;
  if (!outcome.ok || features?.type !== 'features') throw new Error(JSON.stringify(outcome));
  return { ...outcome.value, features };
}

/** The stored numbers of a table's rows. */
async function numbersOf({ space, shape }: FeaturesArtifact, table: RowTable): Promise<Float32Array[]> {
  const open = await rig.cache.rowStore.find(space);
  if (!open) throw new Error('no space');
  const width = shape.reduce((a, b) => a * b, 1);
  const rows = Array.from({ length: table.count }, () => new Float32Array(width));
  for (const [i, row] of rows.entries())
    expect((await open.read([table.key(i)], new Uint8Array(row.buffer))).missing).toEqual([]);
  await open.close();
  return rows;
}

describe('extract-features', () => {
  it('computes each image once, and none the second time, without an engine', async () => {
    const images = new NumberedImages();
    const data = await imagesOf(tableOf(...numbered(10)));
    expect((await extracted(small, data, images)).rows).toEqual({ total: 10, computed: 10, cached: 0 });
    expect(images.reads).toHaveLength(10);
    const { params, context } = await asked(small, data, images);
    const again = await body.run(params, {
      ...context,
      engine: () => {
        throw new Error('an engine was asked for');
      },
    });
    expect(again).toMatchObject({ ok: true, value: { rows: { total: 10, computed: 0, cached: 10 } } });
    expect(images.reads).toHaveLength(10);
  });

  it('computes exactly the images never seen before: added, renamed, relabelled, duplicated', async () => {
    const images = new NumberedImages();
    await extracted(small, await imagesOf(tableOf(...numbered(9))), images);
    const added = await extracted(
      small,
      await imagesOf(tableOf(...numbered(10), '9-copy.png', '3-again.png', '4-renamed.png')),
      images,
    );
    expect(added.rows).toEqual({ total: 13, computed: 1, cached: 12 });
    expect(images.reads.slice(9)).toEqual(['9.png']);
  });

  it('gives a row the same bits in whatever batch and order it is computed', async () => {
    const table = tableOf(...numbered(10));
    const first = await extracted(small, await imagesOf(table), new NumberedImages());
    const whole = await numbersOf(first.features, table);
    const other = new StageRig();
    const saved = rig;
    rig = other;
    try {
      const reversed = table.select([...Array(10).keys()].reverse());
      await extracted(small, await imagesOf(table.select([3])), new NumberedImages());
      const second = await extracted(small, await imagesOf(reversed), new NumberedImages());
      expect(await numbersOf(second.features, table)).toEqual(whole);
      expect(second.features.space).toBe(first.features.space);
    } finally {
      other[Symbol.dispose]();
      rig = saved;
    }
  });

  it('K16 gives another space for whatever reaches the numbers, and the same one for what does not', async () => {
    const table = tableOf('0.png');
    const spaceOf = async (given: Json, spec: PixelSpec = pixels) =>
      (await extracted(given, await imagesOf(table, spec), new NumberedImages())).features.space;
    const base = await spaceOf(small);
    const values = { scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1], reverse: false } as const;
    expect(await spaceOf(small, { ...pixels, normalize: values })).toBe(base);
    expect(await spaceOf(small, { ...pixels, onBadImage: 'skip' })).toBe(base);
    const others = [
      await spaceOf({ ...Object(small), store: 'float16' }),
      await spaceOf({ ...Object(small), pooling: 'none' }),
      await spaceOf({ ...Object(small), pooling: 'none', layer: 'block1_conv1' }),
      await spaceOf({ ...Object(small), weights: { random: { seed: 1 } } }),
      await spaceOf(small, { ...pixels, normalize: { ...values, std: [2, 2, 2] } }),
      await spaceOf(small, { ...pixels, kernel: 'nearest' }),
      await spaceOf(small, { ...pixels, decoder: 2 }),
      await spaceOf(small, { ...pixels, height: 32 }),
    ];
    expect(new Set([base, ...others]).size).toBe(others.length + 1);
  });

  it('stores float16 where it is asked to', async () => {
    const table = tableOf('0.png', '1.png');
    const full = await extracted(small, await imagesOf(table), new NumberedImages());
    const half = await extracted({ ...Object(small), store: 'float16' }, await imagesOf(table), new NumberedImages());
    const whole = await numbersOf(full.features, table);
    const open = await rig.cache.rowStore.find(half.features.space);
    const stored = new Uint16Array(full.features.shape[0] ?? 0);
    for (const [row, numbers] of whole.entries()) {
      await open?.read([table.key(row)], new Uint8Array(stored.buffer));
      expect([...stored]).toEqual([...encodeFloat16(numbers)]);
    }
    await open?.close();
  });

  it('keeps finished batches when it is interrupted, and goes on from there', async () => {
    const images = new NumberedImages();
    const data = await imagesOf(tableOf(...numbered(300)));
    const controller = new AbortController();
    const { params, context } = await asked(small, data, images, {
      signal: controller.signal,
      progress: () => controller.abort(),
    });
    expect(await body.run(params, context)).toEqual({ ok: false, error: { reason: 'interrupted' } });
    const rest = await extracted(small, data, images);
    expect(rest.rows?.computed).toBe(300 - 128);
  });

  it('reports progress with every batch', async () => {
    const seen: number[] = [];
    await extracted(small, await imagesOf(tableOf(...numbered(300))), new NumberedImages(), {
      progress: (done) => seen.push(done),
    });
    expect(seen).toEqual([128, 256, 300]);
  });

  it('I1 fails at a bad image with its name, or leaves it out and says so', async () => {
    const table = tableOf(...numbered(6));
    const { params, context } = await asked(small, await imagesOf(table), new NumberedImages('2.png'));
    expect(await body.run(params, context)).toMatchObject({
      error: { reason: 'diagnostics', diagnostics: [{ code: 'I001', message: '2.png is broken' }] },
    });
    const skipped = await extracted(
      small,
      await imagesOf(table, { ...pixels, onBadImage: 'skip' }),
      new NumberedImages('2.png'),
    );
    const kept = RowTable.decode((await rig.cache.blobs.get(skipped.features.rows)) ?? new Uint8Array());
    expect(Array.from({ length: kept.count }, (_, row) => kept.name(row))).toEqual([
      '0.png',
      '1.png',
      '3.png',
      '4.png',
      '5.png',
    ]);
    expect(rig.warnings).toMatchObject([{ code: 'I001', severity: 'warning', message: '2.png is broken' }]);
  });

  it('lets a second one wait for the first, and computes nothing twice', async () => {
    const images = new NumberedImages();
    const data = await imagesOf(tableOf(...numbered(40)));
    const both = await Promise.all([extracted(small, data, images), extracted(small, data, images)]);
    expect(both.map(({ rows }) => rows?.computed).sort()).toEqual([0, 40]);
    expect(images.reads).toHaveLength(40);
  });

  it('counts rows for a plan without an engine', async () => {
    const images = new NumberedImages();
    await extracted(small, await imagesOf(tableOf(...numbered(4))), images);
    const table = tableOf(...numbered(6), '5-copy.png');
    const data = await imagesOf(table);
    const { params, context } = await asked(small, data, images);
    const counting: CountContext = {
      input: (_port, type) => context.input('data', type),
      rows: async () => table,
      resolved: context.resolved,
      rowStore: context.rowStore,
      home: '',
    };
    expect(await body.countRows?.(params, counting)).toMatchObject({ total: 7, cached: 5 });
  });
});

describe('int8 features', () => {
  const eight: Json = { ...Object(small), precision: 'int8' };
  const engine = inThisThread();

  it('have rows of their own, and leave those of float32 where they are', async () => {
    const images = new NumberedImages();
    const data = await imagesOf(tableOf(...numbered(9)));
    const whole = await extracted(small, data, images, { engine });
    const quantised = await extracted(eight, data, images, { engine });
    expect(quantised.features.space).not.toBe(whole.features.space);
    expect(quantised.rows).toEqual({ total: 9, computed: 9, cached: 0 });
    expect(quantised.features.source['calibration']).toMatchObject({ images: expect.any(String) });
    expect((await extracted(small, data, images, { engine })).rows?.computed).toBe(0);
    const again = await extracted(eight, data, images, { engine: broken });
    expect(again.rows?.computed).toBe(0);
    expect(again.features).toEqual(quantised.features);
    const table = tableOf(...numbered(9));
    const [a, b] = [await numbersOf(whole.features, table), await numbersOf(quantised.features, table)];
    const worst = Math.max(...a.flatMap((row, i) => [...row].map((value, j) => Math.abs(value - (b[i]?.[j] ?? 0)))));
    const largest = Math.max(...a.flatMap((row) => [...row]));
    expect(worst).toBeGreaterThan(0);
    expect(worst / largest).toBeLessThan(0.02);
  });

  it('are calibrated by images alone: not by their order, names, copies or test rows', async () => {
    const spaceOf = async (table: RowTable) =>
      (await extracted(eight, await imagesOf(table), new NumberedImages(), { engine })).features.space;
    const table = tableOf('0.png', '1.png', '2.png', '3.png');
    const base = await spaceOf(table);
    expect(await spaceOf(table.select([3, 2, 1, 0]))).toBe(base);
    expect(await spaceOf(tableOf('0-renamed.png', '1.png', '5.png', '3.png', '0-copy.png'))).toBe(base);
    expect(await spaceOf(tableOf('0.png', '1.png', '2.png', '4.png'))).not.toBe(base);
  });

  it('keep their rows where images are added that are not drawn into the sample', async () => {
    const images = new NumberedImages();
    const many = numbered(330);
    const base = await extracted(eight, await imagesOf(tableOf(...many)), images, { engine });
    // Two thirds are training images; which of the later ones come into the sample of 64 follows from their digests.
    const added = async (name: string) =>
      (await extracted(eight, await imagesOf(tableOf(...many, name)), images, { engine })).rows?.computed;
    const counts = [];
    for (let number = 330; number < 334; number++) counts.push(await added(`${number}.png`));
    expect(base.rows?.computed).toBe(330);
    expect(counts.filter((count) => count === 1).length).toBeGreaterThanOrEqual(2);
    expect(counts.every((count) => count === 1 || count === 331)).toBe(true);
  });

  it('that were cut short go on from the rows that are there, with the same ranges', async () => {
    const images = new NumberedImages();
    const data = await imagesOf(tableOf(...numbered(300)));
    const controller = new AbortController();
    const { params, context } = await asked(eight, data, images, {
      engine,
      signal: controller.signal,
      progress: (_, __, what) => what ?? controller.abort(),
    });
    expect(await body.run(params, context)).toEqual({ ok: false, error: { reason: 'interrupted' } });
    const notes = new Set<string | undefined>();
    const rest = await extracted(eight, data, images, { engine, progress: (_, __, note) => notes.add(note) });
    expect(rest.rows?.computed).toBe(300 - 128);
    // Calibrated once.
    expect([...notes]).toEqual([undefined]);
  });

  it('are refused by an engine that does not compute so, float16 too', async () => {
    const data = await imagesOf(tableOf('0.png'));
    for (const precision of ['int8', 'float16']) {
      const { params, context } = await asked({ ...Object(small), precision }, data, new NumberedImages());
      expect(await body.run(params, context)).toMatchObject({
        error: {
          diagnostics: [{ code: 'E010', message: `the engine tfjs-cpu on cpu does not compute in ${precision}` }],
        },
      });
    }
  });

  it('are refused where no image can be read', async () => {
    const data = await imagesOf(tableOf('0.png'), { ...pixels, onBadImage: 'skip' });
    const { params, context } = await asked(eight, data, new NumberedImages('0.png'), { engine });
    expect(await body.run(params, context)).toMatchObject({ error: { diagnostics: [{ code: 'S043' }] } });
  });
});

/** ONNX Runtime without its worker. */
function inThisThread(): Engine {
  const producer = { engine: 'ort', version: '0', device: 'cpu' } as const;
  return {
    producer,
    broken: false,
    async openForward(program) {
      await useTraceBackend();
      // The rig has set another one.
      await tf.setBackend(TRACE);
      return ok(await Forward.open(program, { threads: 1, device: 'cpu' }));
    },
    openTraining: () => Promise.reject(new Error('no training here')),
    close: async () => {},
  };
}

const broken: Engine = {
  ...inThisThread(),
  openForward: () => Promise.reject(new Error('an engine was asked for')),
};

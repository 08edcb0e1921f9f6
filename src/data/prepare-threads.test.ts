/** Preparing in threads gives the bits and the order that preparing here gives, and a thread that ends costs one group. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, expect, it } from 'vitest';
import { digestOf } from '../base/digest.ts';
import { workerPath } from '../files/package-root.ts';
import { preparedSize, type SettledPixels } from '../images/pixel-spec.ts';
import { folderImages } from './file-images.ts';
import { prepareBatches } from './prepare-batches.ts';
import { PrepareThreads } from './prepare-threads.ts';
import { RowTable } from './row-table.ts';

const spec: SettledPixels = {
  height: 160,
  width: 160,
  fit: 'fill',
  kernel: 'bilinear',
  channels: 'rgb',
  crop: null,
  normalize: { scale: 1 / 127.5, mean: [1], std: [1], reverse: false },
  augment: null,
  onBadImage: 'skip',
  decoder: 1,
};
const folder = mkdtempSync(join(tmpdir(), 'pipe-threads-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** 150 pictures: PNG files, which are read at once, JPEG files, which wait for sharp, and one that is none. */
const rows = await Promise.all(
  Array.from({ length: 150 }, async (_, i) => {
    const format = i % 3 === 0 ? 'jpeg' : 'png';
    const pixels = Uint8Array.from({ length: 12 * 12 * 3 }, (__, at) => (at * (i + 7)) % 251);
    const picture = sharp(pixels, { raw: { width: 12, height: 12, channels: 3 } });
    const bytes = i === 70 ? Buffer.from('no picture') : await picture.toFormat(format).toBuffer();
    const name = `${i}.${format}`;
    writeFileSync(join(folder, name), bytes);
    const key = Buffer.from(digestOf(bytes), 'hex');
    return { split: 'train', part: 'train', label: 0, key, name } as const;
  }),
);
const table = RowTable.from(['all'], rows);

/** The batches of the first `count` rows: threads prepare them from 128 rows on. */
async function batchesOf(count: number) {
  const order = Array.from({ length: count }, (_, i) => (i * 77) % 150);
  const source = folderImages({ train: folder });
  const { signal } = new AbortController();
  const batches = [];
  for await (const made of prepareBatches({ table, order, batch: 8, spec, source, signal })) {
    if (!made.ok) throw new Error(made.error.message);
    const { input, rows, skipped } = made.value;
    const numbers = Buffer.from(input.buffer, 0, rows.length * 4 * preparedSize(spec));
    batches.push({ numbers: digestOf(numbers), rows, skipped });
  }
  return batches;
}

it('gives the same batches in threads as here', async () => {
  const here = await batchesOf(120);
  const threads = await batchesOf(150);
  expect(here.flatMap(({ skipped }) => skipped.map(({ row }) => row))).toEqual([70]);
  expect(threads.slice(0, here.length)).toEqual(here);
  expect(threads.flatMap(({ rows }) => rows)).toHaveLength(149);
});

it('tells of a thread that ended, and starts another', async () => {
  const program = join(folder, 'ends.mjs');
  writeFileSync(
    program,
    `import { parentPort } from 'node:worker_threads';
     parentPort.on('message', ({ images: [{ from }] }) => {
       if (from === 'ends') process.exit(3);
       parentPort.postMessage({ input: Float32Array.of(7), problems: [] });
     });`,
  );
  const threads = new PrepareThreads(1, program);
  const [ended, after] = await Promise.all(
    ['ends', 'goes on'].map((from) => threads.prepare({ images: [{ digest: table.digest(0), from }], spec })),
  );
  expect(ended).toMatchObject({ ok: false, error: { code: 'I005', message: expect.stringContaining(' at ends: ') } });
  expect(after).toMatchObject({ ok: true, value: { input: Float32Array.of(7) } });
});

it('throws the bug of a thread', async () => {
  const threads = new PrepareThreads(1, workerPath('prepare-images'));
  const impossible = { images: [{ digest: table.digest(0), from: 'x' }], spec: { ...spec, height: -1 } };
  await expect(threads.prepare(impossible)).rejects.toThrow(RangeError);
});

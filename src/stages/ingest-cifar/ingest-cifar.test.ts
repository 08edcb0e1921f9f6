import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sharedPath } from '../../../test/shared-data.ts';
import type { Json } from '../../base/json.ts';
import { DrawStream } from '../../base/philox.ts';
import type { RowTable } from '../../data/row-table.ts';
import { DiskFileDigests } from '../../files/disk-file-digests.ts';
import type { Memo } from '../../files/memo.ts';
import { split } from '../split/index.ts';
import type { ResolveContext, Resolved } from '../stage-kind.ts';
import { ingestCifar } from './index.ts';

let folder: string;
let memo: Map<string, Uint8Array>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ingest-cifar-'));
  memo = new Map();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function context(): ResolveContext {
  const kept: Memo = { get: (key) => memo.get(key), set: (key, bytes) => memo.set(key, bytes) };
  return {
    baseDirectory: () => folder,
    at: (pointer) => ({ file: `pipeline.yaml:${pointer}`, line: 1, column: 1 }),
    digests: new DiskFileDigests(kept),
    memo: kept,
    home: join(folder, 'home'),
    offline: true,
    root: folder,
  };
}

async function resolve(given: Json): Promise<Resolved> {
  const resolved = await ingestCifar.resolve?.(ingestCifar.complete(given), context());
  if (!resolved?.ok) throw new Error(JSON.stringify(resolved?.error));
  return resolved.value;
}

async function rowsOf({ rows }: Resolved): Promise<RowTable> {
  const table = await rows?.();
  if (!table?.ok) throw new Error(JSON.stringify(table?.error));
  return table.value;
}

/** Noise: the red, the green, then the blue plane. */
function planes(number: number): Uint8Array {
  const draws = new DrawStream(number, 'planes');
  return Uint8Array.from({ length: 3072 }, () => draws.uint32() & 255);
}

function cifar10(...labels: readonly number[]): Buffer {
  return Buffer.concat(labels.map((label, i) => Buffer.concat([Buffer.of(label), planes(i)])));
}

function write(name: string, bytes: Uint8Array | string): void {
  writeFileSync(join(folder, name), bytes);
}

const fileNames = (table: RowTable) => Array.from({ length: table.count }, (_, row) => table.name(row));

describe('ingest-cifar', () => {
  it('reads labels, names and pixels, channels last, with the key over them', async () => {
    write('a.bin', cifar10(2, 0));
    write('names.txt', 'cat\r\ndog\r\nbird\r\n\r\n');
    const resolved = await resolve({ train: { files: 'a.bin' }, labels: 'names.txt' });
    const table = await rowsOf(resolved);
    expect(table.classes).toEqual(['cat', 'dog', 'bird']);
    expect([...table.label]).toEqual([2, 0]);
    expect(fileNames(table)).toEqual(['a.bin/0000000', 'a.bin/0000001']);
    const stored = planes(1);
    const pixels = Uint8Array.from({ length: 3072 }, (_, i) => stored[(i % 3) * 1024 + Math.floor(i / 3)] ?? 0);
    const extents = Buffer.alloc(12);
    [32, 32, 3].forEach((extent, i) => {
      extents.writeUInt32LE(extent, i * 4);
    });
    const key = createHash('sha256').update('pixels').update(extents).update(pixels).digest('hex');
    expect(table.digest(1)).toBe(key);
    const image = await resolved.images?.read('train', table.name(1), table.digest(1));
    const path = `${join(folder, 'a.bin')}[1]`;
    expect(image).toEqual({ ok: true, value: { kind: 'raw', pixels, height: 32, width: 32, channels: 3, path } });
  });

  it('takes patterns, lists, gzipped files and splits; the packing changes nothing', async () => {
    write('batch_2.bin', cifar10(1));
    write('batch_1.bin', cifar10(0, 1));
    write('test.bin', cifar10(1, 0));
    const given = { train: { files: 'batch_?.bin' }, test: { files: ['test.bin'] } };
    const plain = await resolve(given);
    const table = await rowsOf(plain);
    expect(fileNames(table)).toEqual([
      'batch_1.bin/0000000',
      'batch_1.bin/0000001',
      'batch_2.bin/0000000',
      'test.bin/0000000',
      'test.bin/0000001',
    ]);
    expect([...table.rowsOf('test')]).toEqual([3, 4]);
    expect(table.classes).toEqual(['0', '1']);
    mkdirSync(join(folder, 'packed'));
    for (const name of ['batch_1.bin', 'batch_2.bin', 'test.bin'])
      write(`packed/${name}.gz`, gzipSync(readFileSync(join(folder, name))));
    const files = ['packed/batch_1.bin.gz', 'packed/batch_2.bin.gz'];
    const packed = await resolve({ train: { files }, test: { files: 'packed/test.*' } });
    expect(packed.identity).toEqual(plain.identity);
    const name = 'batch_2.bin/0000000';
    const image = await packed.images?.read('train', name, table.digest(2));
    expect(image).toMatchObject({ ok: true, value: { path: `${join(folder, 'packed/batch_2.bin.gz')}[0]` } });
  });

  it('answers from the memo, and sees new bytes', async () => {
    write('a.bin', cifar10(0, 1));
    const first = await resolve({ train: { files: 'a.bin' } });
    const entries = memo.size;
    const second = await resolve({ train: { files: 'a.bin' } });
    expect(second.identity).toEqual(first.identity);
    expect((await rowsOf(second)).encode()).toEqual((await rowsOf(first)).encode());
    expect(memo.size).toBe(entries);
    write('a.bin', cifar10(0, 1, 1));
    expect((await resolve({ train: { files: 'a.bin' } })).identity).not.toEqual(first.identity);
  });

  it('reads fine and coarse labels of CIFAR-100', async () => {
    const records = [
      [19, 99],
      [0, 5],
    ].map((labels, i) => Buffer.concat([Buffer.from(labels), planes(i)]));
    write('train.bin', Buffer.concat(records));
    const train = { files: 'train.bin' };
    expect((await rowsOf(await resolve({ train, format: 'cifar-100' }))).classes).toEqual(['5', '99']);
    const coarse = await rowsOf(await resolve({ train, format: 'cifar-100-coarse' }));
    expect([coarse.classes, [...coarse.label]]).toEqual([
      ['0', '19'],
      [1, 0],
    ]);
  });

  it.each<[string, Json, string, string]>([
    ['a file that is cut short', { train: { files: 'cut.bin' } }, 'D041', '72 are left over'],
    ['an empty file', { train: { files: 'empty.bin' } }, 'D041', 'is empty'],
    ['another format', { train: { files: 'hundred.bin' } }, 'D041', 'hundred.bin has 3074 bytes'],
    ['a label out of range', { train: { files: 'label.bin' } }, 'D041', 'label.bin[1] has the label 10'],
    [
      'a label without a name',
      { train: { files: 'two.bin' }, labels: 'one.txt' },
      'D042',
      'two.bin[1] has the label 1',
    ],
    ['a name twice', { train: { files: 'two.bin' }, labels: 'twice.txt' }, 'D042', 'twice.txt:3: the name "a"'],
    ['an empty name', { train: { files: 'two.bin' }, labels: 'gap.txt' }, 'D042', 'gap.txt:2: label 1 has no name'],
    ['a gzipped file that is cut short', { train: { files: 'cut.bin.gz' } }, 'D041', 'cannot be unpacked'],
    ['a file that is missing', { train: { files: 'no.bin' } }, 'D001', 'no such file'],
    ['a pattern without files', { test: { files: 'no_*.bin' } }, 'D001', 'no file fits no_*.bin'],
    ['a names file that is missing', { train: { files: 'two.bin' }, labels: 'no.txt' }, 'D001', 'no such file'],
    ['a file named twice', { train: { files: ['two.bin', 'two.*'] } }, 'D041', 'the same names'],
  ])('refuses %s', async (_what, given, code, message) => {
    write('cut.bin', cifar10(0, 1).subarray(0, 3073 + 72));
    write('empty.bin', '');
    write('hundred.bin', Buffer.concat([Buffer.of(1, 2), planes(0)]));
    write('label.bin', cifar10(0, 10));
    write('two.bin', cifar10(0, 1));
    write('one.txt', 'a\n');
    write('twice.txt', 'a\nb\na\n');
    write('gap.txt', 'a\n\nb\n');
    write('cut.bin.gz', gzipSync(cifar10(0, 1)).subarray(0, 500));
    const resolved = await ingestCifar.resolve?.(ingestCifar.complete(given), context());
    const found = { code, message: expect.stringContaining(message), location: { line: 1 } };
    expect(resolved).toMatchObject({ ok: false, error: [found] });
  });

  it('says which format a file of the wrong one has', async () => {
    write('a.bin', Buffer.concat([Buffer.of(1, 2), planes(0)]));
    const resolved = await ingestCifar.resolve?.(ingestCifar.complete({ train: { files: 'a.bin' } }), context());
    expect(resolved).toMatchObject({ error: [{ help: expect.stringContaining('format: cifar-100') }] });
  });

  it('sees that a file changed during the run', async () => {
    write('a.bin', cifar10(0, 1));
    const resolved = await resolve({ train: { files: 'a.bin' } });
    const table = await rowsOf(resolved);
    expect(await resolved.images?.read('train', table.name(0), table.digest(0))).toMatchObject({ ok: true });
    write('a.bin', Buffer.concat([Buffer.of(0), planes(7), Buffer.of(1)]));
    for (const row of [0, 1])
      expect(await resolved.images?.read('train', table.name(row), table.digest(row))).toMatchObject({
        error: { code: 'I004', message: expect.stringContaining(`a.bin[${row}]`) },
      });
  });

  const real = sharedPath('datasets/cifar10-subset/data_batch_1_first4000.bin');
  it.skipIf(!real)('reads real CIFAR-10 files (skipped where they are missing)', async () => {
    const resolved = await resolve({
      train: { files: join(dirname(real ?? ''), 'data_batch_*.bin') },
      test: { files: sharedPath('datasets/cifar10-subset/test_batch_first1000.bin') ?? '' },
      labels: sharedPath('datasets/cifar10-subset/batches.meta.txt') ?? '',
    });
    const table = await rowsOf(resolved);
    expect(table.rowsOf('train')).toHaveLength(4000);
    const test = table.rowsOf('test');
    expect(test).toHaveLength(1000);
    expect(Array.from(table.label.subarray(0, 5), (label) => table.classes[label])).toEqual([
      'frog',
      'truck',
      'truck',
      'deer',
      'automobile',
    ]);
    const image = await resolved.images?.read('test', table.name(test[0] ?? 0), table.digest(test[0] ?? 0));
    if (!image?.ok || image.value.kind !== 'raw') throw new Error('no image');
    expect([0, 3, 6].map((at) => image.value.kind === 'raw' && image.value.pixels[at])).toEqual([158, 159, 165]);
    const part = split.deriveRows?.(split.complete({ validation: 0.2, take: 3000 }), table, 42);
    if (!part?.ok) throw new Error('no split');
    expect(part.value.rowsOf('train').length + part.value.rowsOf('validation').length).toBe(3000);
  });
});

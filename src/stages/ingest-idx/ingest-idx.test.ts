import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DatasetRig, listed, rowsOf } from '../../../test/dataset-rig.ts';
import { sharedPath } from '../../../test/shared-data.ts';
import type { Json } from '../../base/json.ts';
import { ingestIdx } from './index.ts';

let rig: DatasetRig;
beforeEach(() => {
  rig = new DatasetRig();
});
afterEach(() => rig[Symbol.dispose]());

/** An IDX file of bytes. */
function idx(shape: readonly number[], data: Uint8Array, type = 8): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, type, shape.length]);
  shape.forEach((extent, axis) => {
    header.writeUInt32BE(extent, 4 + 4 * axis);
  });
  return Buffer.concat([header, data]);
}

const pixels = Uint8Array.from({ length: 3 * 2 * 4 }, (_, i) => (i * 37) % 256);
const images = idx([3, 2, 4], pixels);
const labels = idx([3], Uint8Array.of(7, 0, 7));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const both = { train: { images: 'images', labels: 'labels' } };

function writeBoth(): void {
  rig.write('images', images);
  rig.write('labels', labels);
}

const fault = async (given: Json, offline = true) => {
  const [found] = await rig.refusal(ingestIdx, given, offline);
  return `${found?.code} ${found?.location?.file} ${found?.message} | ${found?.help}`.replaceAll(rig.folder, '');
};

describe('rows', () => {
  it('are the images, known by their pixels, named by their place', async () => {
    writeBoth();
    const resolved = await rig.resolve(ingestIdx, both);
    const table = await rowsOf(resolved);
    expect(listed(table)).toEqual([
      ['train', '0000000', '7'],
      ['train', '0000001', '0'],
      ['train', '0000002', '7'],
    ]);
    expect(table.classes).toEqual(['0', '7']);
    const second = pixels.slice(8, 16);
    const extents = Buffer.from(Uint32Array.of(2, 4, 1).buffer);
    expect(table.digest(1)).toBe(sha256(Buffer.concat([Buffer.from('pixels'), extents, second])));
    const read = await resolved.images?.read('train', '0000001', table.digest(1));
    const path = `${rig.path('images')}[1]`;
    expect(read).toEqual({
      ok: true,
      value: { kind: 'raw', pixels: Buffer.from(second), height: 2, width: 4, channels: 1, path },
    });
  });

  it('are the same from gzipped files, and answered from the memo', async () => {
    writeBoth();
    const plain = await rig.resolve(ingestIdx, both);
    rig.write('images.gz', gzipSync(images));
    rig.write('labels.gz', gzipSync(labels));
    const given = { train: { images: 'images.gz', labels: 'labels.gz' } };
    const packed = await rig.resolve(ingestIdx, given);
    expect(packed.identity).toEqual(plain.identity);
    expect((await rig.resolve(ingestIdx, given)).identity).toEqual(plain.identity);
    const table = await rowsOf(packed);
    expect(await packed.images?.read('train', '0000002', table.digest(2))).toMatchObject({
      ok: true,
      value: { path: `${rig.path('images.gz')}[2]` },
    });
  });

  it('have names for their classes where they are given', async () => {
    writeBoth();
    const classes = ['nought', 'one', '2', '3', '4', '5', '6', 'seven'];
    const table = await rig.rows(ingestIdx, { ...both, classes });
    expect(table.classes).toEqual(classes);
    expect(listed(table).map(([, , label]) => label)).toEqual(['seven', 'nought', 'seven']);
    expect(await fault({ ...both, classes: ['nought', 'one'] })).toMatch(
      /^D042 pipeline\.yaml: \/labels\[0\] is the label 7, but `classes` names 0 to 1/,
    );
  });

  it('of the test split have no labels where none are given; colours are read as four extents', async () => {
    writeBoth();
    rig.write(
      'colours',
      idx(
        [2, 1, 2, 3],
        Uint8Array.from({ length: 12 }, (_, i) => i),
      ),
    );
    const resolved = await rig.resolve(ingestIdx, { ...both, test: { images: 'colours' } });
    const table = await rowsOf(resolved);
    expect(listed(table).slice(3)).toEqual([
      ['test', '0000000', undefined],
      ['test', '0000001', undefined],
    ]);
    expect(await resolved.images?.read('test', '0000001', table.digest(4))).toMatchObject({
      ok: true,
      value: { height: 1, width: 2, channels: 3, pixels: Buffer.of(6, 7, 8, 9, 10, 11) },
    });
  });

  it('come whole from files of more than one chunk', async () => {
    const count = 2000;
    const many = Uint8Array.from({ length: count * 32 * 32 }, (_, i) => (i * 31 + Math.floor(i / 1024)) % 256);
    rig.write('images', idx([count, 32, 32], many));
    const resolved = await rig.resolve(ingestIdx, { train: { images: 'images' } });
    const table = await rowsOf(resolved);
    expect(table.count).toBe(count);
    for (const row of [0, 1022, 1023, 1024, 1999]) {
      const read = await resolved.images?.read('train', table.name(row), table.digest(row));
      expect(read?.ok && read.value.kind === 'raw' && Buffer.from(read.value.pixels)).toEqual(
        Buffer.from(many.subarray(row * 1024, (row + 1) * 1024)),
      );
    }
  });

  it('I16: that changed since they were listed are refused', async () => {
    writeBoth();
    const resolved = await rig.resolve(ingestIdx, both);
    const table = await rowsOf(resolved);
    const changed = Buffer.from(images);
    changed[images.length - 1] = 1;
    writeFileSync(rig.path('images'), changed);
    expect(await resolved.images?.read('train', '0000001', table.digest(1))).toMatchObject({ ok: true });
    expect(await resolved.images?.read('train', '0000002', table.digest(2))).toMatchObject({
      ok: false,
      error: { code: 'I004' },
    });
  });
});

describe('refused', () => {
  it.each([
    ['I11: no bytes', Buffer.alloc(0), /is no IDX file/],
    ['I11: a web page', Buffer.from('<!doctype html>'), /is no IDX file/],
    ['I11: a Git LFS pointer', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /is no IDX file/],
    ['I1: cut short', images.subarray(0, images.length - 1), /says 3 × 2 × 4 \(40 bytes\), but has 39 bytes/],
    ['I1: cut in its header', images.subarray(0, 9), /ends in its header/],
    ['longer than it says', Buffer.concat([images, Buffer.of(0)]), /has 41 bytes/],
    [
      'I4: a header of 4 billion images of 65535×65535',
      idx([0xffffffff, 65535, 65535], Buffer.alloc(8)),
      /but has 24 bytes/,
    ],
    ['numbers of four bytes', idx([1, 1, 1], Buffer.alloc(4), 13), /numbers of type 13; only bytes/],
    ['labels in place of images', labels, /has 1 extents.*is it a file of labels/],
    ['two channels', idx([1, 1, 1, 2], Buffer.alloc(2)), /2 channels; 1 or 3/],
    ['D11: no images', idx([0, 2, 4], Buffer.alloc(0)), /there are no images in it/],
    ['I1: a gzip cut short', gzipSync(images).subarray(0, 30), /cannot be unpacked/],
  ])('%s', async (_, bytes, says) => {
    rig.write('images', bytes);
    expect(await fault({ train: { images: 'images' } })).toMatch(/^D040 pipeline\.yaml: \/images /);
    expect(await fault({ train: { images: 'images' } })).toMatch(says);
    expect(existsSync(rig.path('home/unpacked')) ? readdirSync(rig.path('home/unpacked')) : []).toEqual([]);
  });

  it('labels that do not fit the images, and files that are not there', async () => {
    rig.write('images', images);
    rig.write('labels', idx([2], Buffer.alloc(2)));
    expect(await fault(both)).toMatch(/^D040 .*\/labels has 2 labels for 3 images \| do the two files belong together/);
    rig.write('labels', images);
    expect(await fault(both)).toMatch(/^D040 .*\/labels has 3 extents; labels have one \| is it a file of images/);
    expect(await fault({ train: { images: 'images', labels: 'nothing' } })).toMatch(
      /^D001 pipeline\.yaml:train\/labels no such file: \/nothing/,
    );
  });
});

describe('files at an address', () => {
  let server: Server;
  let origin = '';
  let answer: RequestListener = () => {};
  const asked: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    origin = `http://127.0.0.1:${address.port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    asked.length = 0;
    answer = ({ url = '' }, response) => response.end(url.includes('labels') ? labels : gzipSync(images));
  });

  const given = () => ({
    train: {
      images: { url: `${origin}/set/images.gz`, sha256: sha256(gzipSync(images)).toUpperCase() },
      labels: { url: `${origin}/set/labels?token=secret`, sha256: sha256(labels) },
    },
  });
  const kept = () => (existsSync(rig.path('home/data')) ? readdirSync(rig.path('home/data')).sort() : []);

  it('are fetched once a user, checked, and give the same rows as files here', async () => {
    writeBoth();
    const here = await rig.resolve(ingestIdx, both);
    const there = await rig.resolve(ingestIdx, given(), false);
    expect(there.identity).toEqual(here.identity);
    expect(asked).toEqual(['/set/images.gz', '/set/labels?token=secret']);
    const table = await rowsOf(there);
    expect(await there.images?.read('train', '0000001', table.digest(1))).toMatchObject({ ok: true });
    expect(kept()).toEqual(
      [`${sha256(gzipSync(images)).slice(0, 16)}-images.gz`, `${sha256(labels).slice(0, 16)}-labels`].sort(),
    );
    // N7: afterwards nothing is asked, offline or not.
    rig.memo.clear();
    expect((await rig.resolve(ingestIdx, given())).identity).toEqual(here.identity);
    expect(asked).toHaveLength(2);
  });

  it('N7: offline and not here: what, from where, its hash, and where to put it', async () => {
    const said = await fault(given());
    expect(said).toMatch(/^N002 pipeline\.yaml:train\/images offline, and images\.gz is not at \/home\/data\//);
    expect(said).toContain(`${origin}/set/images.gz`);
    expect(said).toContain(`sha256 ${sha256(gzipSync(images))}`);
    expect(said).toMatch(/put it at \/home\/data\/[0-9a-f]{16}-images\.gz$/);
    expect(asked).toEqual([]);
    rig.write(`home/data/${sha256(gzipSync(images)).slice(0, 16)}-images.gz`, gzipSync(images));
    rig.write(`home/data/${sha256(labels).slice(0, 16)}-labels`, labels);
    expect((await rig.rows(ingestIdx, given())).count).toBe(3);
  });

  it('W1, N1: with other bytes than their digest says are refused and not kept', async () => {
    answer = (_, response) => response.end(idx([1, 1, 1], Buffer.of(5)));
    const said = await fault(given(), false);
    expect(said).toMatch(/^M006 pipeline\.yaml:train\/images .*is wanted.*was got/);
    expect(said).toContain('by other means and put it at');
    expect(said).not.toContain('pipe weights');
    expect(kept()).toEqual([]);
  });

  it('W1: that were changed since they were fetched are refused', async () => {
    await rig.resolve(ingestIdx, given(), false);
    const name = kept().find((file) => file.endsWith('labels')) ?? '';
    rig.write(`home/data/${name}`, idx([3], Uint8Array.of(1, 2, 3)));
    expect(await fault(given(), false)).toMatch(/^M006 pipeline\.yaml:train\/labels .*\| delete it and run again/);
  });

  it('N4, N9: that come as a web page, or not at all, are refused with the address but not its query', async () => {
    answer = ({ url = '' }, response) => {
      if (url.includes('labels')) response.writeHead(404).end();
      else response.end(gzipSync(images));
    };
    const missing = await fault(given(), false);
    expect(missing).toMatch(/^N001 pipeline\.yaml:train\/labels .*\/set\/labels answers with status 404/);
    expect(missing).not.toContain('secret');
    answer = (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in</html>');
    expect(await fault(given(), false)).toMatch(/^N004 pipeline\.yaml:train\/labels .*web page/);
    expect(await fault({ train: { images: { url: 'https://', sha256: sha256(images) } } }, false)).toMatch(
      /^N001 pipeline\.yaml:train\/images "https:\/\/" is no web address/,
    );
  });
});

const mnist = sharedPath('datasets/mnist');
it.skipIf(!mnist)('reads MNIST (skipped where it is missing)', async () => {
  const part = (name: string) => ({
    images: `${mnist}/${name}-images-idx3-ubyte.gz`,
    labels: `${mnist}/${name}-labels-idx1-ubyte.gz`,
  });
  const resolved = await rig.resolve(ingestIdx, { test: part('t10k') });
  const table = await rowsOf(resolved);
  expect(table.classes).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  expect(
    listed(table)
      .slice(0, 5)
      .map(([, , label]) => label),
  ).toEqual(['7', '2', '1', '0', '4']);
  expect(table.count).toBe(10_000);
  const read = await resolved.images?.read('test', table.name(9999), table.digest(9999));
  const raw = await import('node:zlib').then(({ gunzipSync }) => gunzipSync(readFileSync(part('t10k').images)));
  expect(read?.ok && read.value.kind === 'raw' && Buffer.from(read.value.pixels)).toEqual(raw.subarray(-784));
});

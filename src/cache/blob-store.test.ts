import { existsSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { cacheRig, filesIn } from '../../test/cache/cache-rig.ts';
import { digestOf } from '../base/digest.ts';

it.each([0, 1, 5, 4 << 20, (4 << 20) + 1])(
  'stores and gives back %i bytes, from memory and from a file',
  async (length) => {
    using rig = cacheRig();
    const bytes = new Uint8Array(length).map((_, i) => i * 7);
    const digest = await rig.cache.blobs.put(bytes);
    expect(digest).toBe(digestOf(bytes));
    expect(Buffer.compare((await rig.cache.blobs.get(digest)) ?? Buffer.from('none'), bytes)).toBe(0);
    const source = join(dirname(rig.folder), 'source');
    writeFileSync(source, Buffer.concat([bytes, Buffer.from('!')]));
    const other = await rig.cache.blobs.putFile(source);
    expect(other).toBe(digestOf(readFileSync(source)));
    expect((await rig.cache.blobs.get(other))?.length).toBe(length + 1);
    expect(await rig.cache.blobs.putFile(source)).toBe(other);
    expect(filesIn(join(rig.folder, 'blobs'))).toHaveLength(2);
  },
);

it('K1 K2: a blob with any bit flipped, cut or replaced by NULs is missing, set aside once, and can be put again', async () => {
  using rig = cacheRig();
  const bytes = Buffer.from('the bytes of a blob');
  const digest = await rig.cache.blobs.put(bytes);
  const path = rig.cache.blobs.path(digest);
  const flips = Array.from({ length: bytes.length * 8 }, (_, bit) => {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return flipped;
  });
  const damaged = [
    ...flips,
    Buffer.alloc(0),
    bytes.subarray(0, -1),
    Buffer.alloc(bytes.length),
    Buffer.concat([bytes, bytes]),
  ];
  for (const content of damaged) {
    writeFileSync(path, content);
    expect(await rig.cache.blobs.get(digest)).toBeUndefined();
    expect(rig.cache.blobs.has(digest)).toBe(false);
    expect(await rig.cache.blobs.put(bytes)).toBe(digest);
    expect(await rig.cache.blobs.get(digest)).toEqual(new Uint8Array(bytes));
  }
  expect(rig.damage).toHaveLength(1);
  const kept = filesIn(join(rig.folder, 'quarantine'));
  expect(kept.filter((name) => !name.endsWith('.json'))).toHaveLength(damaged.length);
});

it('K1: putting bytes mends a damaged blob that nobody has read', async () => {
  using rig = cacheRig();
  const bytes = Buffer.from('the bytes');
  const digest = await rig.cache.blobs.put(bytes);
  truncateSync(rig.cache.blobs.path(digest), 3);
  await rig.cache.blobs.put(bytes);
  expect(await rig.cache.blobs.get(digest)).toEqual(new Uint8Array(bytes));
});

it('gives undefined for what is not there', async () => {
  using rig = cacheRig();
  expect(await rig.cache.blobs.get(digestOf('nothing'))).toBeUndefined();
  expect(await rig.cache.blobs.check(digestOf('nothing'))).toBe('absent');
  expect(rig.damage).toEqual([]);
});

it("fails with the source file's own error, and leaves no temporary file", async () => {
  using rig = cacheRig();
  await expect(rig.cache.blobs.putFile(join(rig.folder, 'absent'))).rejects.toThrow('ENOENT');
  expect(existsSync(join(rig.folder, 'blobs'))).toBe(false);
});

it('marks an old blob as used when its bytes are put again', async () => {
  using rig = cacheRig();
  const digest = await rig.cache.blobs.put(Buffer.from('old'));
  const path = rig.cache.blobs.path(digest);
  utimesSync(path, 1e9, 1e9);
  await rig.cache.blobs.put(Buffer.from('old'));
  expect(Date.now() - statSync(path).mtimeMs).toBeLessThan(60_000);
  expect(Buffer.from((await rig.cache.blobs.get(digest)) ?? []).toString()).toBe('old');
});

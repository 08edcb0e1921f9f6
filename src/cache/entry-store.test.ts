import { readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cacheRig, entryOf, filesIn, fingerprintNamed, onlyFile, SPACE } from '../../test/cache/cache-rig.ts';
import { digestOf } from '../base/digest.ts';

it('gives back what was committed, also to another process', async () => {
  using rig = cacheRig();
  const blobs = [await rig.cache.blobs.put(Buffer.from('bytes'))];
  const entry = entryOf('a', { blobs });
  expect(rig.cache.entries.read(entry.fingerprint)).toBeUndefined();
  await rig.cache.entries.commit(entry);
  expect(rig.cache.entries.read(entry.fingerprint)).toEqual(entry);
  expect(rig.reopen().entries.read(entry.fingerprint)).toEqual(entry);
  expect([...rig.cache.entries.list()].map((listed) => listed.entry)).toEqual([entry]);
  rig.cache.entries.remove(entry.fingerprint);
  expect(rig.cache.entries.read(entry.fingerprint)).toBeUndefined();
});

it('K1 K2: an entry with any bit flipped or cut at any byte is a miss or the very entry, set aside and said once', async () => {
  using rig = cacheRig();
  const entry = entryOf('a');
  await rig.cache.entries.commit(entry);
  const path = onlyFile(join(rig.folder, 'entries'), '.json');
  const sound = readFileSync(path);
  const cuts = Array.from({ length: sound.length }, (_, length) => sound.subarray(0, length));
  const flips = Array.from({ length: sound.length * 8 }, (_, bit) => {
    const bytes = Buffer.from(sound);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return bytes;
  });
  let setAside = 0;
  for (const bytes of [...cuts, ...flips, Buffer.alloc(sound.length)]) {
    writeFileSync(path, bytes);
    expect(rig.cache.entries.read(entry.fingerprint)).toBeUndefined();
    if (!statSync(path, { throwIfNoEntry: false })) setAside++;
  }
  // A flip that makes the format a higher number reads as a newer entry, which is left alone.
  expect(setAside).toBeGreaterThan(cuts.length + flips.length - 8);
  const names = filesIn(join(rig.folder, 'quarantine'));
  expect(names.filter((name) => name.endsWith('.json.json')).length).toBe(setAside);
  expect(rig.damage).toHaveLength(1);
  await rig.cache.entries.commit(entry);
  expect(rig.cache.entries.read(entry.fingerprint)).toEqual(entry);
});

it('K1: an entry under the name of another is a miss', async () => {
  using rig = cacheRig();
  await rig.cache.entries.commit(entryOf('a'));
  const path = onlyFile(join(rig.folder, 'entries'), '.json');
  const other = fingerprintNamed('b');
  await rig.cache.entries.commit(entryOf('b'));
  writeFileSync(join(rig.folder, 'entries', other.slice(0, 2), `${other}.json`), readFileSync(path));
  expect(rig.cache.entries.read(other)).toBeUndefined();
  expect(rig.damage[0]).toContain('another fingerprint');
});

it('K3: an entry whose blob or row space is gone is a miss; a blob without an entry harms nobody', async () => {
  using rig = cacheRig();
  const blob = await rig.cache.blobs.put(Buffer.from('bytes'));
  const space = await rig.cache.rowStore.open(SPACE, {}, 4);
  const [withBlob, withSpace] = [entryOf('a', { blobs: [blob] }), entryOf('b', { rowSpace: SPACE })];
  await rig.cache.entries.commit(withBlob);
  await rig.cache.entries.commit(withSpace);
  expect(rig.cache.entries.read(withBlob.fingerprint)).toBeDefined();
  expect(rig.cache.entries.read(withSpace.fingerprint)).toBeDefined();
  await space.close();
  rmSync(rig.cache.blobs.path(blob));
  rmSync(join(rig.folder, 'rows'), { recursive: true });
  expect(rig.cache.entries.read(withBlob.fingerprint)).toBeUndefined();
  expect(rig.cache.entries.read(withSpace.fingerprint)).toBeUndefined();
  await rig.cache.blobs.put(Buffer.from('bytes'));
  expect(rig.cache.entries.read(withBlob.fingerprint)).toEqual(withBlob);
});

it('K14: an entry of a newer format is a miss and stays as it is', async () => {
  using rig = cacheRig();
  await rig.cache.entries.commit(entryOf('a'));
  const path = onlyFile(join(rig.folder, 'entries'), '.json');
  const newer = readFileSync(path, 'utf8').replace('{"format":1,', '{"format":2,');
  writeFileSync(path, newer);
  expect(rig.cache.entries.read(fingerprintNamed('a'))).toBeUndefined();
  expect([...rig.cache.entries.list()]).toEqual([]);
  expect(readFileSync(path, 'utf8')).toBe(newer);
  expect(rig.damage).toEqual([]);
});

it('K14: a cache of a newer format is refused with a way out, and not touched', () => {
  using rig = cacheRig();
  writeFileSync(join(rig.folder, 'format'), '2\n');
  const before = filesIn(rig.folder);
  expect(() => rig.reopen()).toThrow('has format 2; this version of pipe knows format 1');
  expect(() => rig.reopen()).toThrow(
    expect.objectContaining({ diagnostic: expect.objectContaining({ code: 'K003' }) }),
  );
  expect(filesIn(rig.folder)).toEqual(before);
});

it('K14: a format file that is damaged is made again', () => {
  using rig = cacheRig();
  truncateSync(join(rig.folder, 'format'), 0);
  rig.reopen();
  expect(readFileSync(join(rig.folder, 'format'), 'utf8')).toBe('1\n');
});

it('marks an entry as used when it is half a day old, and only then', async () => {
  using rig = cacheRig();
  const entry = entryOf('a');
  await rig.cache.entries.commit(entry);
  const path = onlyFile(join(rig.folder, 'entries'), '.json');
  const age = (hours: number) => utimesSync(path, new Date(), new Date(Date.now() - hours * 3600_000));
  age(1);
  const before = statSync(path).mtimeMs;
  rig.cache.entries.touch(entry.fingerprint);
  expect(statSync(path).mtimeMs).toBe(before);
  age(13);
  rig.cache.entries.touch(entry.fingerprint);
  expect(Date.now() - statSync(path).mtimeMs).toBeLessThan(60_000);
  expect(rig.cache.entries.read(entry.fingerprint)).toEqual(entry);
});

it('K17: file names are lower-case and short, so that no two meet on a file system without case', async () => {
  using rig = cacheRig();
  await rig.cache.entries.commit(entryOf('a', { blobs: [await rig.cache.blobs.put(Buffer.from('b'))] }));
  const space = await rig.cache.rowStore.open(SPACE, {}, 4);
  await space.append([digestBytes('k')], new Uint8Array(4));
  await space.close();
  for (const name of filesIn(rig.folder).filter((file) => file !== 'CACHEDIR.TAG')) {
    expect(name).toMatch(/^[a-z0-9._/-]+$/);
    expect(name.length).toBeLessThan(150);
  }
});

function digestBytes(text: string): Uint8Array {
  return Buffer.from(digestOf(text), 'hex');
}

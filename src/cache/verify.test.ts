import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  cacheRig,
  entryOf,
  filesIn,
  fingerprintNamed,
  keyOf,
  onlyFile,
  rowsOf,
  SPACE,
} from '../../test/cache/cache-rig.ts';
import type { Cache } from './open-cache.ts';
import { type Finding, verifyCache } from './verify.ts';

async function findings(cache: Cache): Promise<{ found: readonly Finding[]; counts: unknown }> {
  const found: Finding[] = [];
  const steps = verifyCache(cache);
  for (;;) {
    const step = await steps.next();
    if (step.done) return { found, counts: step.value };
    found.push(step.value);
  }
}

function flip(path: string, byte: number): void {
  const bytes = readFileSync(path);
  bytes[byte] = (bytes[byte] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

async function fill(cache: Cache): Promise<void> {
  const blob = await cache.blobs.put(Buffer.from('a blob'));
  const space = await cache.rowStore.open(SPACE, {}, 1000);
  await space.append([1, 2, 3].map(keyOf), rowsOf([1, 2, 3], 1000));
  await space.close();
  await cache.entries.commit(entryOf('a', { blobs: [blob], rowSpace: SPACE }));
}

it('finds nothing in a sound cache, and counts what it read', async () => {
  using rig = cacheRig();
  await fill(rig.cache);
  expect(await findings(rig.cache)).toEqual({ found: [], counts: { entries: 1, blobs: 1, rows: 3 } });
});

it('K1 K2: finds a damaged entry, blob, row and index record, and the next run computes them again', async () => {
  using rig = cacheRig();
  await fill(rig.cache);
  const [pack, index] = [onlyFile(rig.folder, '.pack'), onlyFile(rig.folder, '.idx')];
  flip(onlyFile(join(rig.folder, 'entries'), '.json'), 200);
  flip(onlyFile(join(rig.folder, 'blobs'), ''), 2);
  flip(pack, 64 + 1500);
  flip(index, 64 + 3);
  const { found } = await findings(rig.reopen());
  expect(found.map(({ part }) => part).sort()).toEqual(['blob', 'entry', 'row', 'row index']);
  expect(rig.cache.entries.read(fingerprintNamed('a'))).toBeUndefined();
  await fill(rig.reopen());
  const { found: left, counts } = await findings(rig.reopen());
  // The record stays in its index for good; its row has another one now.
  expect(left.map(({ part }) => part)).toEqual(['row index']);
  expect(counts).toEqual({ entries: 1, blobs: 1, rows: 3 });
});

it('K2: finds the rows that a cut pack has lost', async () => {
  using rig = cacheRig();
  await fill(rig.cache);
  const pack = onlyFile(rig.folder, '.pack');
  writeFileSync(pack, readFileSync(pack).subarray(0, 64 + 1999));
  expect((await findings(rig.reopen())).found.map(({ part }) => part)).toEqual(['row', 'row']);
  expect((await findings(rig.reopen())).found).toEqual([]);
});

it("K3: finds an entry without its blob; a blob without an entry is nobody's fault", async () => {
  using rig = cacheRig();
  await fill(rig.cache);
  await rig.cache.blobs.put(Buffer.from('of no entry'));
  rmSync(rig.cache.blobs.path(rig.cache.entries.read(fingerprintNamed('a'))?.blobs[0] ?? never()));
  expect((await findings(rig.cache)).found).toEqual([
    expect.objectContaining({ part: 'entry', detail: expect.stringContaining('missing') }),
  ]);
});

it('K10: leaves the temporary files of other processes alone', async () => {
  using rig = cacheRig();
  await fill(rig.cache);
  const fresh = join(rig.folder, 'blobs', 'incoming.tmp-99-abc');
  writeFileSync(fresh, 'half');
  await findings(rig.cache);
  expect(filesIn(rig.folder)).toContain('blobs/incoming.tmp-99-abc');
});

it('stops when it is told to', async () => {
  using rig = cacheRig();
  await fill(rig.cache);
  const controller = new AbortController();
  controller.abort();
  await expect(verifyCache(rig.cache, controller.signal).next()).rejects.toThrow('abort');
});

function never(): never {
  throw new Error('the entry has no blob');
}

import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  type CacheRig,
  cacheRig,
  entryOf,
  filesIn,
  fingerprintNamed,
  keyOf,
  SPACE,
} from '../../test/cache/cache-rig.ts';
import { digestOf } from '../base/digest.ts';
import { applyCollection, type CollectionPlan, type CollectionScope, planCollection } from './gc.ts';
import { measureCache } from './size.ts';

const DAY_MS = 86_400_000;

/** Three entries of 1000-byte blobs and one shared, the last with a row space; each a day older than the next one. */
async function filled(): Promise<CacheRig & { readonly age: (path: string, days: number) => void }> {
  const rig = cacheRig();
  const shared = await rig.cache.blobs.put(Buffer.alloc(1000, 'shared'));
  for (const name of ['a', 'b', 'c']) {
    const blobs = [await rig.cache.blobs.put(Buffer.alloc(1000, name)), shared];
    await rig.cache.entries.commit(
      entryOf(name, { blobs, kind: `kind-${name}`, ...(name === 'c' && { rowSpace: SPACE }) }),
    );
  }
  const space = await rig.cache.rowStore.open(SPACE, {}, 100);
  await space.append([keyOf(1)], new Uint8Array(100));
  await space.close();
  const age = (path: string, days: number) => utimesSync(path, new Date(), new Date(Date.now() - days * DAY_MS));
  for (const name of filesIn(rig.folder)) age(join(rig.folder, name), 30);
  age(join(rig.folder, 'rows', SPACE), 30);
  for (const [i, name] of ['a', 'b', 'c'].entries()) age(entryPath(rig, name), 30 - i);
  return { ...rig, age };
}

const entryPath = (rig: CacheRig, name: string) => {
  const fingerprint = fingerprintNamed(name);
  return join(rig.folder, 'entries', fingerprint.slice(0, 2), `${fingerprint}.json`);
};

function plan(rig: CacheRig, scope: CollectionScope): CollectionPlan {
  const planned = planCollection(rig.cache, scope);
  if (!planned.ok) throw new Error(planned.error.message);
  return planned.value;
}

const left = (rig: CacheRig) => ['a', 'b', 'c'].filter((name) => rig.cache.entries.read(fingerprintNamed(name)));
const keep = (...names: readonly string[]) => new Set(names.map(fingerprintNamed));

it('needs a scope', async () => {
  using rig = cacheRig();
  expect(planCollection(rig.cache, {})).toMatchObject({ ok: false, error: { code: 'K005' } });
  expect(planCollection(rig.cache, { graceMs: 0 })).toMatchObject({ ok: false });
});

it('keeps the entries it is told to, and what they point to; says first what it would free', async () => {
  using rig = await filled();
  const before = measureCache(rig.cache, () => []).total;
  const planned = plan(rig, { keep: keep('b') });
  expect(left(rig)).toEqual(['a', 'b', 'c']);
  expect(planned.items.map(({ part }) => part).sort()).toEqual(['blob', 'blob', 'entry', 'entry', 'row space']);
  expect(applyCollection(rig.cache, planned)).toHaveLength(5);
  expect(left(rig)).toEqual(['b']);
  expect(await rig.cache.blobs.get(digestOf(Buffer.alloc(1000, 'shared')))).toBeDefined();
  expect(existsSync(join(rig.folder, 'rows', SPACE))).toBe(false);
  expect(planned.total).toBe(before);
  expect(measureCache(rig.cache, () => []).total).toBe(before - planned.bytes);
});

it('takes only what is older, and only as much as the size asks for, the least recently used first', async () => {
  using rig = await filled();
  applyCollection(rig.cache, plan(rig, { olderThanMs: 29.5 * DAY_MS }));
  expect(left(rig)).toEqual(['b', 'c']);
  const { total } = plan(rig, { maxBytes: 0 });
  applyCollection(rig.cache, plan(rig, { maxBytes: total - 500 }));
  expect(left(rig)).toEqual(['c']);
  applyCollection(rig.cache, plan(rig, { maxBytes: 1e9 }));
  expect(left(rig)).toEqual(['c']);
});

it('takes blobs and spaces that no entry points to', async () => {
  using rig = await filled();
  for (const name of ['a', 'b', 'c']) rig.cache.entries.remove(fingerprintNamed(name));
  expect(measureCache(rig.cache, () => []).unreferenced).toBeGreaterThan(4000);
  const gone = applyCollection(rig.cache, plan(rig, { olderThanMs: 1 }));
  expect(gone.map(({ part }) => part).sort()).toEqual(['blob', 'blob', 'blob', 'blob', 'row space']);
  expect(measureCache(rig.cache, () => []).unreferenced).toBe(0);
});

it('K9 K15: nothing younger than a day goes, nor what comes from the future', async () => {
  using rig = await filled();
  for (const name of filesIn(rig.folder)) rig.age(join(rig.folder, name), 0.9);
  rig.age(entryPath(rig, 'a'), -365);
  const planned = plan(rig, { keep: keep() });
  expect(planned.items).toEqual([]);
  expect(planned.young).toBe(2);
});

it('K9: what has been used, replaced or referred to since the plan stays', async () => {
  using rig = await filled();
  const planned = plan(rig, { keep: keep() });
  rig.cache.entries.touch(fingerprintNamed('a'));
  // An entry committed since the plan points to what only `b` had.
  await rig.cache.entries.commit(entryOf('new', { blobs: [digestOf(Buffer.alloc(1000, 'b'))] }));
  const space = await rig.cache.rowStore.open(SPACE, {}, 100);
  applyCollection(rig.cache, planned);
  expect(left(rig)).toEqual(['a']);
  expect(rig.cache.entries.read(fingerprintNamed('new'))).toBeDefined();
  expect(space.count).toBe(1);
  expect(existsSync(join(rig.folder, 'rows', SPACE, 'space.json'))).toBe(true);
  await space.close();
});

it('K10: temporary files go only when they are old; so do checkpoints, unless their stage is running', async () => {
  using rig = await filled();
  const [running, stopped] = [fingerprintNamed('running'), fingerprintNamed('stopped')];
  const made = [
    'blobs/x.tmp-1-old',
    'blobs/x.tmp-1-new',
    `checkpoints/${running}/epoch`,
    `checkpoints/${stopped}/epoch`,
  ];
  for (const path of made.map((name) => join(rig.folder, name))) {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, 'x');
    rig.age(path, path.endsWith('new') ? 0.5 : 2);
  }
  for (const name of readdirSync(join(rig.folder, 'checkpoints'))) rig.age(join(rig.folder, 'checkpoints', name), 2);
  const claim = await rig.cache.claims.take(`stage-${running}`, {
    done: () => false,
    onWait: () => {},
    signal: new AbortController().signal,
  });
  const gone = applyCollection(rig.cache, plan(rig, { keep: keep('a', 'b', 'c') }));
  claim?.release();
  expect(gone.map(({ path }) => path).sort()).toEqual([
    join(rig.folder, 'blobs/x.tmp-1-old'),
    join(rig.folder, 'checkpoints', stopped),
  ]);
  expect(statSync(join(rig.folder, 'blobs/x.tmp-1-new')).isFile()).toBe(true);
});

it('measures by kind and pipeline, counting a shared blob once in each', async () => {
  using rig = await filled();
  const size = measureCache(rig.cache, (fingerprint) =>
    fingerprint === fingerprintNamed('a') ? ['one', 'two'] : ['two'],
  );
  const entryBytes = statSync(entryPath(rig, 'a')).size;
  expect(size.kinds['kind-a']).toBe(2000 + entryBytes);
  expect(size.pipelines['one']).toBe(2000 + entryBytes);
  expect(size.pipelines['two']).toBeGreaterThan(4000);
  expect(size.pipelines['two']).toBeLessThan(size.total);
  expect(size.folders['blobs']).toBe(4000);
  expect(Object.values(size.folders).reduce((a, b) => a + b)).toBe(size.total);
});

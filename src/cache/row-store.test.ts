import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { type CacheRig, cacheRig, filesIn, keyOf, onlyFile, rowOf, rowsOf, SPACE } from '../../test/cache/cache-rig.ts';
import { parseDigest } from '../base/digest.ts';
import type { RowSpace } from './row-store.ts';

const ROW_BYTES = 24;

// Small packs, so that the tests reach the next one.
vi.mock('./pack-format.ts', async (original) => ({
  ...(await original<typeof import('./pack-format.ts')>()),
  PACK_BYTES: 10 * 24,
}));

const open = (rig: CacheRig) => rig.reopen().rowStore.open(SPACE, { what: 'test' }, ROW_BYTES);

async function append(space: RowSpace, names: readonly number[]): Promise<void> {
  await space.append(names.map(keyOf), rowsOf(names, ROW_BYTES));
}

/** Reads rows and checks that each is right or reported missing. @returns the names found. */
async function readSound(space: RowSpace, names: readonly number[]): Promise<readonly number[]> {
  const into = new Uint8Array(names.length * ROW_BYTES);
  const { missing } = await space.read(names.map(keyOf), into);
  expect([...missing].sort((a, b) => a - b)).toEqual(missing);
  return names.filter((name, i) => {
    if (missing.includes(i)) return false;
    expect(
      Buffer.compare(into.subarray(i * ROW_BYTES, (i + 1) * ROW_BYTES), rowOf(name, ROW_BYTES)),
      `row ${name}`,
    ).toBe(0);
    return true;
  });
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

it('gives back rows in any order, more than one pack of them, also to another process', async () => {
  using rig = cacheRig();
  const space = await open(rig);
  await append(space, upTo(25));
  expect(space.count).toBe(25);
  const asked = [24, 3, 3, 99, 0, 1, 2, 17];
  expect(await readSound(space, asked)).toEqual([24, 3, 3, 0, 1, 2, 17]);
  await space.close();
  expect(filesIn(rig.folder).filter((name) => name.endsWith('.pack'))).toHaveLength(3);
  const again = await rig.reopen().rowStore.find(SPACE);
  expect(again?.rowBytes).toBe(ROW_BYTES);
  expect(again && (await readSound(again, asked))).toEqual([24, 3, 3, 0, 1, 2, 17]);
  await again?.close();
});

it('is a map from keys to rows, whoever appends, reopens and refreshes (model test)', async () => {
  const names = fc.uniqueArray(fc.nat(30), { maxLength: 14 });
  const command = fc.oneof(
    fc.record({ act: fc.constant('append' as const), who: fc.nat(1), names: fc.array(fc.nat(30), { maxLength: 14 }) }),
    fc.record({ act: fc.constantFrom('read' as const, 'refresh' as const, 'reopen' as const), who: fc.nat(1), names }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 20 }), async (commands) => {
      using rig = cacheRig();
      const spaces = [await open(rig), await open(rig)];
      const seen = [new Set<number>(), new Set<number>()];
      const all = new Set<number>();
      for (const { act, who, names: given } of commands) {
        let space = spaces[who];
        if (!space) throw new Error('no such space');
        if (act === 'append') {
          await append(space, given);
          for (const name of given) seen[who]?.add(name) && all.add(name);
        }
        if (act === 'reopen') {
          await space.close();
          space = await open(rig);
          spaces[who] = space;
        }
        if (act === 'refresh') await space.refresh();
        if (act === 'refresh' || act === 'reopen') seen[who] = new Set(all);
        expect(space.count).toBe(seen[who]?.size);
        expect(await readSound(space, given)).toEqual(given.filter((name) => seen[who]?.has(name)));
      }
      for (const space of spaces) await space.close();
      expect(rig.damage).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

it('K2: a pack or an index cut at any byte never gives a wrong row, and takes the lost rows again', async () => {
  using rig = cacheRig();
  const first = await open(rig);
  await append(first, upTo(6));
  await first.close();
  for (const ending of ['.pack', '.idx']) {
    const path = onlyFile(rig.folder, ending);
    const sound = readFileSync(path);
    for (let length = 0; length < sound.length; length += 5) {
      truncateSync(path, length);
      const space = await open(rig);
      const found = await readSound(space, upTo(6));
      expect(found.length).toBeLessThan(6);
      await append(space, upTo(6));
      expect(await readSound(space, upTo(6))).toEqual(upTo(6));
      await space.close();
      const next = await open(rig);
      expect(await readSound(next, upTo(6))).toEqual(upTo(6));
      await next.close();
      // Back to the one sound pack.
      for (const name of filesIn(join(rig.folder, 'rows')).filter((file) => /\.(pack|idx)$/.test(file))) {
        if (!path.startsWith(join(rig.folder, 'rows', name).replace(/\.\w+$/, '')))
          rmSync(join(rig.folder, 'rows', name));
      }
      writeFileSync(path, sound);
    }
  }
});

it('K1: any flipped bit in a pack or an index never gives a wrong row, and costs the row it hit', async () => {
  using rig = cacheRig();
  const first = await open(rig);
  await append(first, upTo(3));
  await first.close();
  for (const ending of ['.pack', '.idx']) {
    const path = onlyFile(rig.folder, ending);
    const sound = readFileSync(path);
    for (let bit = 0; bit < sound.length * 8; bit += 3) {
      const bytes = Buffer.from(sound);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(path, bytes);
      const space = await open(rig);
      const found = await readSound(space, upTo(3));
      // The header of an index vouches for the whole pack; the pack's own header is not read.
      const expected = bit >= 64 * 8 ? 2 : ending === '.idx' ? 0 : 3;
      expect(found.length, `${ending} bit ${bit}`).toBe(expected);
      await space.close();
      for (const name of filesIn(join(rig.folder, 'rows')).filter((file) => /\.(pack|idx)$/.test(file))) {
        if (!path.startsWith(join(rig.folder, 'rows', name).replace(/\.\w+$/, '')))
          rmSync(join(rig.folder, 'rows', name));
      }
    }
    writeFileSync(path, sound);
  }
});

it('a damaged row is noted once, dropped for everybody, and taken again for good', async () => {
  using rig = cacheRig();
  const first = await open(rig);
  await append(first, upTo(4));
  await first.close();
  const path = onlyFile(rig.folder, '.pack');
  const bytes = readFileSync(path);
  bytes[64 + ROW_BYTES + 3] = (bytes[64 + ROW_BYTES + 3] ?? 0) ^ 0x10;
  writeFileSync(path, bytes);

  const reader = await open(rig);
  const other = await open(rig);
  expect(await readSound(reader, upTo(4))).toEqual([0, 2, 3]);
  expect(reader.has(keyOf(1))).toBe(false);
  expect(other.has(keyOf(1))).toBe(true);
  await other.refresh();
  expect(other.has(keyOf(1))).toBe(false);
  await append(reader, [1]);
  await reader.close();
  await other.refresh();
  expect(await readSound(other, upTo(4))).toEqual(upTo(4));
  await other.close();
  const next = await open(rig);
  expect(await readSound(next, upTo(4))).toEqual(upTo(4));
  await next.close();
  expect(rig.damage).toEqual([expect.stringContaining('row 1 of')]);
  expect(filesIn(join(rig.folder, 'quarantine'))).toHaveLength(1);
});

it('falls back to a second copy of a row when the first is damaged', async () => {
  using rig = cacheRig();
  const [one, two] = [await open(rig), await open(rig)];
  await append(one, [7]);
  await append(two, [7]);
  await one.close();
  await two.close();
  const space = await open(rig);
  const packs = filesIn(rig.folder).filter((name) => name.endsWith('.pack'));
  expect(packs).toHaveLength(2);
  for (const pack of packs) {
    const bytes = readFileSync(join(rig.folder, pack));
    writeFileSync(join(rig.folder, pack), Buffer.concat([bytes.subarray(0, 64), Buffer.alloc(ROW_BYTES)]));
    expect(await readSound(space, [7])).toEqual([]);
    const fresh = await open(rig);
    const found = await readSound(fresh, [7]);
    await fresh.close();
    writeFileSync(join(rig.folder, pack), bytes);
    if (found.length === 1) {
      // The damage hit the copy that `space` had; a fresh reader took the other.
      expect(found).toEqual([7]);
      await space.close();
      return;
    }
  }
  throw new Error('neither copy was found');
});

it('ignores the pack of another space or row size, even when it is put under the right name', async () => {
  using rig = cacheRig();
  const cache = rig.reopen();
  const other = await cache.rowStore.open(SPACE, {}, ROW_BYTES);
  await append(other, upTo(3));
  await other.close();
  const [pack, index] = [onlyFile(rig.folder, '.pack'), onlyFile(rig.folder, '.idx')];
  const strange = await rig.reopen().rowStore.open(digestNamed('strange'), {}, ROW_BYTES);
  for (const path of [pack, index]) writeFileSync(path.replace(SPACE, digestNamed('strange')), readFileSync(path));
  await strange.refresh();
  expect(strange.count).toBe(0);
  expect(rig.damage).toEqual([expect.stringContaining('damaged header')]);
  await strange.close();
});

it('sees rows of another user of the same process at once, and refuses to append after close', async () => {
  using rig = cacheRig();
  const cache = rig.reopen();
  const one = await cache.rowStore.open(SPACE, {}, ROW_BYTES);
  const two = await cache.rowStore.open(SPACE, {}, ROW_BYTES);
  await append(one, [1]);
  expect(two.has(keyOf(1))).toBe(true);
  await one.close();
  await one.close();
  expect(await readSound(two, [1])).toEqual([1]);
  expect(() => one.append([keyOf(2)], rowOf(2, ROW_BYTES))).toThrow('closed');
  await append(two, [2]);
  await two.close();
});

it('takes appends that are not waited for, and each key once', async () => {
  using rig = cacheRig();
  const space = await open(rig);
  await Promise.all([append(space, [1, 2, 2, 3]), append(space, [3, 4]), append(space, upTo(12))]);
  expect(space.count).toBe(12);
  expect(await readSound(space, upTo(12))).toEqual(upTo(12));
  await space.close();
});

it('defines a space again when its definition is damaged, keeping its rows; another row size is a bug', async () => {
  using rig = cacheRig();
  const space = await open(rig);
  await append(space, [1]);
  await space.close();
  writeFileSync(onlyFile(rig.folder, 'space.json'), '{"format":1,"digest":"no"}');
  expect(await rig.reopen().rowStore.find(SPACE)).toBeUndefined();
  const again = await open(rig);
  expect(await readSound(again, [1])).toEqual([1]);
  await again.close();
  await expect(rig.reopen().rowStore.open(SPACE, {}, ROW_BYTES + 1)).rejects.toThrow('bytes, not');
});

function digestNamed(name: string) {
  return parseDigest(Buffer.from(keyOf(name)).toString('hex'));
}

/** A cache in a temporary folder, with what it said about damage; entries, keys and rows to fill it with. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Digest, digestOf, type Fingerprint, fingerprintOf } from '../../src/base/digest.ts';
import type { CacheEntry } from '../../src/cache/entry-store.ts';
import { type Cache, openCache } from '../../src/cache/open-cache.ts';

export interface CacheRig {
  readonly folder: string;
  readonly cache: Cache;
  readonly damage: string[];
  /** The same folder as another process would see it. */
  reopen(): Cache;
  [Symbol.dispose](): void;
}

export function cacheRig(): CacheRig {
  const top = mkdtempSync(join(tmpdir(), 'cache-test-'));
  const folder = join(top, 'cache');
  const damage: string[] = [];
  const reopen = () => openCache(folder, { onDamage: (detail) => damage.push(detail) });
  return {
    folder,
    cache: reopen(),
    damage,
    reopen,
    [Symbol.dispose]: () => rmSync(top, { recursive: true, force: true }),
  };
}

export function keyOf(name: string | number): Uint8Array {
  return createHash('sha256').update(`key ${name}`).digest();
}

/** A row that follows from its key alone, as a feature follows from its image. */
export function rowOf(name: string | number, rowBytes: number): Uint8Array {
  const row = new Uint8Array(rowBytes);
  for (let at = 0, block = 0; at < rowBytes; block++) {
    const bytes = createHash('sha256').update(`row ${name} ${block}`).digest();
    row.set(bytes.subarray(0, Math.min(bytes.length, rowBytes - at)), at);
    at += bytes.length;
  }
  return row;
}

export function rowsOf(names: readonly (string | number)[], rowBytes: number): Uint8Array {
  return Buffer.concat(names.map((name) => rowOf(name, rowBytes)));
}

export function entryOf(
  name: string,
  parts: { blobs?: readonly Digest[]; rowSpace?: Digest; kind?: string } = {},
): CacheEntry {
  return {
    format: 1,
    fingerprint: fingerprintNamed(name),
    kind: parts.kind ?? 'test',
    version: 1,
    input: { name },
    artifacts: { out: { type: 'metrics', values: { ä: 1.5 } } },
    blobs: parts.blobs ?? [],
    ...(parts.rowSpace && { rowSpace: parts.rowSpace }),
    durationMs: 12,
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}

export function fingerprintNamed(name: string): Fingerprint {
  return fingerprintOf({ name });
}

export const SPACE = digestOf('space of the tests');

/** Paths of all files below a folder, relative and sorted. */
export function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.isFile())
    .sort();
}

/** The one file below a folder whose name ends so. */
export function onlyFile(folder: string, ending: string): string {
  const found = filesIn(folder).filter((name) => name.endsWith(ending));
  if (found.length !== 1 || !found[0]) throw new Error(`${found.length} files end in ${ending}`);
  return join(folder, found[0]);
}

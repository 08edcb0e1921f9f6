/** How much the cache holds, and for whom. Sizes are those of the files, not of the disk blocks under them. */
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Fingerprint } from '../base/digest.ts';
import { relativePath as blobPath } from './disk-blob-store.ts';
import type { CacheEntry } from './entry-store.ts';
import { filesBelow, itemsOf } from './files-below.ts';
import type { Cache } from './open-cache.ts';

export interface CacheSize {
  readonly total: number;
  /** Bytes by folder of the cache: entries, blobs, rows, quarantine and so on. */
  readonly folders: Readonly<Record<string, number>>;
  /** What the entries of a kind point to. What two kinds share counts for both, so the sum can exceed the total. */
  readonly kinds: Readonly<Record<string, number>>;
  /** The same by pipeline. */
  readonly pipelines: Readonly<Record<string, number>>;
  /** Blobs and row spaces that no entry points to. */
  readonly unreferenced: number;
}

/** Measures a cache. `pipelinesOf` names the pipelines that have used an entry, as the run records tell. */
export function measureCache(cache: Cache, pipelinesOf: (fingerprint: Fingerprint) => readonly string[]): CacheSize {
  const kinds = new Map<string, Map<string, number>>();
  const pipelines = new Map<string, Map<string, number>>();
  const referenced = new Set<string>();
  for (const { entry, path } of cache.entries.list()) {
    for (const part of [path, ...partsOf(entry, cache.folder)]) {
      referenced.add(part);
      addPart(kinds, entry.kind, part);
      for (const pipeline of pipelinesOf(entry.fingerprint)) addPart(pipelines, pipeline, part);
    }
  }
  const folders = Object.fromEntries(
    itemsOf(cache.folder).map((item) => [item.name, bytesOf(join(cache.folder, item.name))]),
  );
  return {
    total: sum(Object.values(folders)),
    folders,
    kinds: totals(kinds),
    pipelines: totals(pipelines),
    unreferenced: sum(storedParts(cache.folder).map((part) => (referenced.has(part) ? 0 : bytesOf(part)))),
  };
}

/** Bytes of a file, or of all files below a folder; 0 where there is nothing. */
export function bytesOf(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.size;
  let bytes = 0;
  for (const file of filesBelow(path)) bytes += statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}

/** Paths of the blobs and the row space that an entry points to. */
export function partsOf({ blobs, rowSpace }: CacheEntry, folder: string): readonly string[] {
  const paths = blobs.map((blob) => join(folder, blobPath(blob)));
  return rowSpace ? [...paths, join(folder, 'rows', rowSpace)] : paths;
}

/** Paths of all blobs and row spaces of a cache. */
export function storedParts(folder: string): readonly string[] {
  const isDigest = (path: string) => /^[0-9a-f]{64}$/.test(basename(path));
  const spaces = itemsOf(join(folder, 'rows')).map((item) => join(folder, 'rows', item.name));
  return [...filesBelow(join(folder, 'blobs')), ...spaces].filter(isDigest);
}

/** Each part counts once in a group, however many entries point to it. */
function addPart(groups: Map<string, Map<string, number>>, group: string, part: string): void {
  const parts = groups.get(group) ?? new Map<string, number>();
  if (!parts.has(part)) parts.set(part, bytesOf(part));
  groups.set(group, parts);
}

function totals(groups: ReadonlyMap<string, ReadonlyMap<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries([...groups].map(([name, parts]) => [name, sum([...parts.values()])]));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

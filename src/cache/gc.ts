/**
 * Collection: what may go is planned first, shown, then applied. Nothing younger than the grace goes, so a run that is going on,
 * which marks what it uses, loses nothing; and what has changed since the plan stays. A wrong deletion would only be computed again.
 */
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import type { Fingerprint } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import { TEMPORARY } from '../files/atomic-file.ts';
import { CacheWriteError, errnoOf } from '../files/write-error.ts';
import { ownerState, readOwner } from './claim-owner.ts';
import { removeClaim } from './disk-claims.ts';
import type { ListedEntry } from './entry-store.ts';
import { filesBelow, itemsOf } from './files-below.ts';
import type { Cache } from './open-cache.ts';
import { bytesOf, partsOf, storedParts } from './size.ts';

/** What may go. Where several are given, only what all of them allow. */
export interface CollectionScope {
  /** Entries that stay; without `olderThanMs` and `maxBytes`, all others go. */
  readonly keep?: ReadonlySet<Fingerprint>;
  /** Only what has not been used for this long. */
  readonly olderThanMs?: number;
  /** Only as much, the least recently used first, as brings the cache down to this size. */
  readonly maxBytes?: number;
  /** A day unless told otherwise. */
  readonly graceMs?: number;
}

export type CollectedPart = 'entry' | 'blob' | 'row space' | 'temporary file' | 'checkpoint' | 'damaged file' | 'claim';

export interface CollectionItem {
  readonly part: CollectedPart;
  readonly path: string;
  readonly bytes: number;
  /** When it was last changed or used, as the plan saw it. */
  readonly mtimeMs: number;
}

export interface CollectionPlan {
  readonly items: readonly CollectionItem[];
  /** What applying it would free. */
  readonly bytes: number;
  /** Bytes of the cache before. */
  readonly total: number;
  /** Entries that stay only because they are younger than the grace. */
  readonly young: number;
}

const DAY_MS = 86_400_000;
/** Evidence of damage is kept for a month. */
const EVIDENCE_MS = 30 * DAY_MS;

export function planCollection(cache: Cache, scope: CollectionScope): Result<CollectionPlan, Diagnostic> {
  const { keep, olderThanMs, maxBytes, graceMs = DAY_MS } = scope;
  if (keep === undefined && olderThanMs === undefined && maxBytes === undefined) {
    return err(
      problem('K005', 'nothing says what may be collected', {
        help: 'add --keep-last 3, --older-than 30d or --max-size 20GB',
      }),
    );
  }
  const now = serverTime(cache.folder);
  const total = bytesOf(cache.folder);
  const entries = [...cache.entries.list()];
  const eligible = entries.filter(
    ({ entry, mtimeMs }) => !keep?.has(entry.fingerprint) && now - mtimeMs > (olderThanMs ?? 0),
  );
  const old = eligible.filter(({ mtimeMs }) => now - mtimeMs > graceMs);
  const rest = [...leftovers(cache, now, graceMs, olderThanMs ?? EVIDENCE_MS)];
  const target = maxBytes === undefined ? undefined : total - bytesIn(rest) - maxBytes;
  const items = [...choose(cache, entries, old, target, now, graceMs), ...rest];
  return ok({ items, bytes: bytesIn(items), total, young: eligible.length - old.length });
}

/** Deletes what a plan lists, entries before what they point to, unless it has changed since. @returns what went. */
export function applyCollection(cache: Cache, plan: CollectionPlan): readonly CollectionItem[] {
  const rank = (item: CollectionItem) => (item.part === 'entry' ? 0 : 1);
  const gone: CollectionItem[] = [];
  let wanted: ReadonlySet<string> | undefined;
  for (const item of [...plan.items].sort((a, b) => rank(a) - rank(b))) {
    if (item.part === 'blob' || item.part === 'row space') {
      // Entries that were committed since the plan, or changed since, may point to it.
      wanted ??= new Set([...cache.entries.list()].flatMap(({ entry }) => partsOf(entry, cache.folder)));
      if (wanted.has(item.path)) continue;
    }
    if (lastChange(item.path) === item.mtimeMs && remove(item)) gone.push(item);
  }
  return gone;
}

/** Entries, least recently used first, and what only they point to, until `target` bytes are found; all without a target. */
function choose(
  cache: Cache,
  entries: readonly ListedEntry[],
  old: readonly ListedEntry[],
  target: number | undefined,
  now: number,
  graceMs: number,
): readonly CollectionItem[] {
  const uses = new Map<string, number>();
  for (const part of entries.flatMap(({ entry }) => partsOf(entry, cache.folder)))
    uses.set(part, (uses.get(part) ?? 0) + 1);
  const items: CollectionItem[] = [];
  let found = 0;
  const add = (item: CollectionItem | undefined) => {
    if (!item) return;
    items.push(item);
    found += item.bytes;
  };
  const aged = (path: string) => agedPart(path, now, graceMs);
  for (const part of storedParts(cache.folder)) {
    if (!uses.has(part) && (target === undefined || found < target)) add(aged(part));
  }
  for (const { entry, path, bytes, mtimeMs } of [...old].sort((a, b) => a.mtimeMs - b.mtimeMs)) {
    if (target !== undefined && found >= target) break;
    add({ part: 'entry', path, bytes, mtimeMs });
    for (const part of partsOf(entry, cache.folder)) {
      const left = (uses.get(part) ?? 0) - 1;
      uses.set(part, left);
      if (left === 0) add(aged(part));
    }
  }
  return items;
}

/** A blob or row space that is older than the grace. */
function agedPart(path: string, now: number, graceMs: number): CollectionItem | undefined {
  const mtimeMs = lastChange(path);
  if (mtimeMs === undefined || now - mtimeMs <= graceMs) return undefined;
  return { part: isFolder(path) ? 'row space' : 'blob', path, bytes: bytesOf(path), mtimeMs };
}

/** What crashed runs have left behind, and old evidence. */
function* leftovers(cache: Cache, now: number, graceMs: number, evidenceMs: number): IterableIterator<CollectionItem> {
  const old = function* (part: CollectedPart, path: string, age: number): IterableIterator<CollectionItem> {
    const mtimeMs = lastChange(path);
    if (mtimeMs !== undefined && now - mtimeMs > age) yield { part, path, bytes: bytesOf(path), mtimeMs };
  };
  for (const path of temporaries(cache.folder)) yield* old('temporary file', path, graceMs);
  const live = new Set(cache.claims.live());
  for (const { name } of itemsOf(join(cache.folder, 'checkpoints'))) {
    if (!live.has(`stage-${name}`)) yield* old('checkpoint', join(cache.folder, 'checkpoints', name), graceMs);
  }
  for (const { name } of itemsOf(join(cache.folder, 'quarantine'))) {
    if (!name.includes(TEMPORARY)) yield* old('damaged file', join(cache.folder, 'quarantine', name), evidenceMs);
  }
  for (const { name } of itemsOf(join(cache.folder, 'claims'))) {
    const path = join(cache.folder, 'claims', name);
    const owner = readOwner(path);
    if (!name.includes(TEMPORARY) && owner && ownerState(owner) === 'dead') yield* old('claim', path, 0);
  }
}

/** Files and folders that were being written or removed. */
function* temporaries(folder: string): IterableIterator<string> {
  for (const item of itemsOf(folder)) {
    const path = join(folder, item.name);
    if (item.name.includes(TEMPORARY)) yield path;
    else if (item.isDirectory() && item.name !== 'checkpoints') yield* temporaries(path);
  }
}

function remove({ part, path }: CollectionItem): boolean {
  try {
    if (part === 'claim') removeClaim(path, readOwner(path));
    else if (part !== 'row space') rmSync(path, { recursive: true, force: true });
    else {
      // Vanishes at once: a reader meets the whole space or none.
      const aside = `${path}${TEMPORARY}${process.pid}`;
      renameSync(path, aside);
      rmSync(aside, { recursive: true, force: true });
    }
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    if (errno === 'ENOENT') return false;
    throw new CacheWriteError(path, errno, error);
  }
}

/** Modification time of a file, or the latest one in a folder; undefined where there is nothing. */
function lastChange(path: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat?.mtimeMs;
  let latest = stat.mtimeMs;
  for (const file of filesBelow(path))
    latest = Math.max(latest, statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return latest;
}

/** The file server's clock, by a file just made: ages are differences of its times, never of two hosts' clocks. */
function serverTime(folder: string): number {
  const probe = join(folder, `clock${TEMPORARY}${process.pid}`);
  try {
    writeFileSync(probe, '');
    return statSync(probe).mtimeMs;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return Date.now();
  } finally {
    rmSync(probe, { force: true });
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function bytesIn(items: readonly CollectionItem[]): number {
  return items.reduce((bytes, item) => bytes + item.bytes, 0);
}

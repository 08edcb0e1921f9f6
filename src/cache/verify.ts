/** `pipe cache verify`: reads everything in the cache again and compares it with its checksums. */
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Digest, parseDigest } from '../base/digest.ts';
import { errnoOf } from '../files/write-error.ts';
import { decodeChecked } from './checked-json.ts';
import { readSpace } from './disk-row-store.ts';
import { filesBelow, itemsOf } from './files-below.ts';
import type { Cache } from './open-cache.ts';
import { decodeRecord, HEADER_BYTES, hasHeader, type PackRecord, RECORD_BYTES, tagOf } from './pack-format.ts';
import { partsOf } from './size.ts';

export interface Finding {
  readonly part: 'entry' | 'blob' | 'row' | 'row index' | 'row space';
  readonly path: string;
  readonly detail: string;
}

/** What was read, for the last line of the report. */
export interface Verified {
  readonly entries: number;
  readonly blobs: number;
  readonly rows: number;
}

/** Yields what is damaged; it is set aside on the way, so that the next run computes it again. Another process may go on meanwhile. */
export async function* verifyCache(cache: Cache, signal?: AbortSignal): AsyncGenerator<Finding, Verified> {
  const entries = yield* verifyEntries(cache, signal);
  const blobs = yield* verifyBlobs(cache, signal);
  const rows = yield* verifyRows(cache, signal);
  return { entries, blobs, rows };
}

async function* verifyEntries(cache: Cache, signal: AbortSignal | undefined): AsyncGenerator<Finding, number> {
  let count = 0;
  for (const path of filesBelow(join(cache.folder, 'entries'), '.json')) {
    signal?.throwIfAborted();
    count++;
    const seen = statSync(path, { throwIfNoEntry: false });
    const bytes = readOrUndefined(path);
    if (bytes && decodeChecked(bytes) !== 'damaged') continue;
    if (!seen) continue;
    const detail = `the cache entry ${basename(path, '.json').slice(0, 12)} does not fit its checksum`;
    cache.quarantine.setAside(path, detail, seen);
    yield { part: 'entry', path, detail };
  }
  for (const { entry, path } of cache.entries.list()) {
    const gone = partsOf(entry, cache.folder).filter((part) => !statSync(part, { throwIfNoEntry: false }));
    if (gone.length === 0) continue;
    const parts = gone.length === 1 ? 'a part' : `${gone.length} parts`;
    yield {
      part: 'entry',
      path,
      detail: `${parts} of the cache entry ${entry.fingerprint.slice(0, 12)} (${entry.kind}) are missing`,
    };
  }
  return count;
}

async function* verifyBlobs(cache: Cache, signal: AbortSignal | undefined): AsyncGenerator<Finding, number> {
  let count = 0;
  for (const path of filesBelow(join(cache.folder, 'blobs'))) {
    signal?.throwIfAborted();
    const name = basename(path);
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    count++;
    if ((await cache.blobs.check(parseDigest(name))) !== 'damaged') continue;
    yield { part: 'blob', path, detail: `the blob ${name.slice(0, 12)} does not fit its digest` };
  }
  return count;
}

async function* verifyRows(cache: Cache, signal: AbortSignal | undefined): AsyncGenerator<Finding, number> {
  let count = 0;
  for (const { name } of itemsOf(join(cache.folder, 'rows'))) {
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    count += yield* verifySpace(cache, parseDigest(name), signal);
  }
  return count;
}

async function* verifySpace(
  cache: Cache,
  space: Digest,
  signal: AbortSignal | undefined,
): AsyncGenerator<Finding, number> {
  const folder = join(cache.folder, 'rows', space);
  const definition = readSpace(join(folder, 'space.json'));
  if (definition === undefined || definition === 'damaged') {
    if (definition === 'damaged') {
      yield { part: 'row space', path: folder, detail: `the definition of row space ${space.slice(0, 12)} is damaged` };
      await cache.rowStore.find(space);
    }
    return 0;
  }
  const { rowBytes } = definition;
  const packs = [...filesBelow(folder, '.idx')].map((path) => path.slice(0, -'.idx'.length));
  const dead = new Set(packs.flatMap((pack) => recordsOf(pack).filter(isTombstone).map(placeOfTombstone)));
  const open = await cache.rowStore.find(space);
  let count = 0;
  for (const pack of packs) {
    const records = recordsOf(pack);
    yield* verifyIndex(pack, space, rowBytes, records.length);
    const tag = tagOf(basename(pack));
    const rows = new Map(
      records.filter((record) => !isTombstone(record) && !dead.has(`${tag} ${record.row}`)).map((r) => [r.row, r]),
    );
    count += rows.size;
    for await (const row of damagedRows(pack, rowBytes, rows, signal)) {
      await open?.bury(row.key, pack, row.row);
      yield {
        part: 'row',
        path: `${pack}.pack`,
        detail: `row ${row.row} of pack ${basename(pack)} does not fit its checksum`,
      };
    }
  }
  await open?.close();
  return count;
}

function* verifyIndex(pack: string, space: Digest, rowBytes: number, sound: number): IterableIterator<Finding> {
  const bytes = readOrUndefined(`${pack}.idx`);
  if (!bytes || bytes.length < HEADER_BYTES) return;
  const name = basename(pack);
  if (!hasHeader(bytes, 'index', name, space, rowBytes)) {
    yield { part: 'row index', path: `${pack}.idx`, detail: `the index of pack ${name} has a damaged header` };
  }
  const bad = Math.floor((bytes.length - HEADER_BYTES) / RECORD_BYTES) - sound;
  if (bad > 0)
    yield { part: 'row index', path: `${pack}.idx`, detail: `${bad} records in the index of pack ${name} are damaged` };
}

/** Rows whose bytes do not fit; the pack is read from its beginning to its end, a piece at a time. */
async function* damagedRows(
  pack: string,
  rowBytes: number,
  rows: ReadonlyMap<number, PackRecord>,
  signal: AbortSignal | undefined,
): AsyncGenerator<PackRecord> {
  const left = new Map(rows);
  let [row, filled, sum] = [0, 0, 0];
  try {
    for await (const piece of createReadStream(`${pack}.pack`, {
      start: HEADER_BYTES,
      highWaterMark: 1 << 20,
      ...(signal && { signal }),
    })) {
      if (!Buffer.isBuffer(piece)) throw new Error('a stream of bytes gave text');
      for (let at = 0; at < piece.length; ) {
        const take = Math.min(piece.length - at, rowBytes - filled);
        sum = crc32(piece.subarray(at, at + take), sum);
        at += take;
        filled += take;
        if (filled < rowBytes) continue;
        if (left.get(row)?.crc === sum) left.delete(row);
        row++;
        [filled, sum] = [0, 0];
      }
    }
  } catch (error) {
    if (errnoOf(error) === undefined || signal?.aborted) throw error;
  }
  yield* left.values();
}

/** All sound records of a pack's index. */
function recordsOf(pack: string): readonly PackRecord[] {
  const bytes = readOrUndefined(`${pack}.idx`) ?? Buffer.alloc(0);
  const records: PackRecord[] = [];
  for (let at = HEADER_BYTES; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    const record = decodeRecord(bytes, at);
    if (record) records.push(record);
  }
  return records;
}

function isTombstone(record: PackRecord): boolean {
  return record.deadIn !== 0;
}

function placeOfTombstone({ deadIn, row }: PackRecord): string {
  return `${deadIn} ${row}`;
}

function readOrUndefined(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

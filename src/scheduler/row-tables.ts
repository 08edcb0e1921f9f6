/** Row tables that stages of this process work on: many heads of a sweep read the same one, and start at the same moment. */
import type { Digest } from '../base/digest.ts';
import type { BlobStore } from '../cache/blob-store.ts';
import { RowTable } from '../data/row-table.ts';

const known = new Map<Digest, WeakRef<RowTable>>();
const beingRead = new WeakMap<Pick<BlobStore, 'get'>, Map<Digest, Promise<RowTable | undefined>>>();

/** One object for all who ask; undefined where the blob is missing or damaged. */
export function rowTableOf(blobs: Pick<BlobStore, 'get'>, rows: Digest): Promise<RowTable | undefined> {
  const table = known.get(rows)?.deref();
  if (table) return Promise.resolve(table);
  const readings = beingRead.get(blobs) ?? new Map<Digest, Promise<RowTable | undefined>>();
  beingRead.set(blobs, readings);
  const reading = readings.get(rows) ?? read(blobs, rows).finally(() => readings.delete(rows));
  readings.set(rows, reading);
  return reading;
}

async function read(blobs: Pick<BlobStore, 'get'>, rows: Digest): Promise<RowTable | undefined> {
  const bytes = await blobs.get(rows);
  if (!bytes) return undefined;
  const table = RowTable.decode(bytes);
  known.set(rows, new WeakRef(table));
  return table;
}

/**
 * Feature rows by image digest, in append-only pack files. A row space (`<cache>/rows/<space>/`) holds rows of one size;
 * each writing process has a pack of its own; every row carries a checksum that is checked at every read.
 */
import type { Digest } from '../base/digest.ts';
import type { JsonObject } from '../base/json.ts';

export interface RowStore {
  /** Opens a space for rows of `rowBytes` bytes; `definition` is what the id is the digest of, stored beside the packs. */
  open(space: Digest, definition: JsonObject, rowBytes: number): Promise<RowSpace>;
  /** The space if it exists. */
  find(space: Digest): Promise<RowSpace | undefined>;
  /** Bytes that the file system below could still take. */
  freeBytes(): number;
  readonly traffic: RowTraffic;
}

/** Bytes of rows since the store was opened, as those count them who read rows in batches. */
export interface RowTraffic {
  read: number;
  /** A batch that several trainings read together counts for each. */
  given: number;
}

export interface RowSpace {
  readonly rowBytes: number;
  /** Of the whole store. */
  readonly traffic: RowTraffic;
  /** Number of distinct keys present. */
  readonly count: number;
  has(key: Uint8Array): boolean;
  /** Appends rows, data first, then their index records; flushed when the promise resolves. Keys already there are skipped. */
  append(keys: readonly Uint8Array[], rows: Uint8Array): Promise<void>;
  /**
   * Reads rows into `into` (row i at i·rowBytes), checksums verified. A damaged row is dropped from the index, its pack noted
   * in quarantine, and reported as missing. Reads are issued at once, so that they go on while an engine blocks the thread.
   */
  read(keys: readonly Uint8Array[], into: Uint8Array): Promise<{ readonly missing: readonly number[] }>;
  /** Picks up rows that other processes have appended since. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

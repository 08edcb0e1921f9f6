/** Cache entries: what a finished stage gave, by its fingerprint. */
import type { Digest, Fingerprint } from '../base/digest.ts';
import type { Json } from '../base/json.ts';
import type { Producer } from '../engines/engine.ts';

export const ENTRY_FORMAT = 1;

export interface CacheEntry {
  readonly format: typeof ENTRY_FORMAT;
  readonly fingerprint: Fingerprint;
  readonly kind: string;
  readonly version: number;
  /** The record that the fingerprint is the hash of, for `why`. */
  readonly input: Json;
  /** Artifacts by name, as JSON; their type is the stages' business. */
  readonly artifacts: Readonly<Record<string, object>>;
  /** Blobs that the artifacts cannot do without. */
  readonly blobs: readonly Digest[];
  readonly rows?: { readonly total: number; readonly computed: number; readonly cached: number };
  /** The row space that the artifacts point into. */
  readonly rowSpace?: Digest;
  readonly producer?: Producer;
  readonly durationMs: number;
  /** ISO 8601; for people, never compared. */
  readonly createdAt: string;
}

/** An entry's file as a listing finds it. */
export interface ListedEntry {
  readonly entry: CacheEntry;
  readonly path: string;
  readonly bytes: number;
  /** When it was last committed or used. */
  readonly mtimeMs: number;
}

export interface EntryStore {
  /**
   * The entry, or undefined where there is none, where it is damaged (then it is quarantined), of a newer format, or where
   * something that it points to is gone. Synchronous: a fully cached run is mostly these reads.
   */
  read(fingerprint: Fingerprint): CacheEntry | undefined;
  /** Publishes an entry, whole or not at all; its blobs must be there. @throws CacheWriteError when the disk refuses. */
  commit(entry: CacheEntry): Promise<void>;
  /** Forgets an entry, so that its stage runs again; what it pointed to is left to the collection. */
  remove(fingerprint: Fingerprint): void;
  /** Marks an entry as used, for the collection; twice a day at most. */
  touch(fingerprint: Fingerprint): void;
  /** All readable entries. */
  list(): IterableIterator<ListedEntry>;
}

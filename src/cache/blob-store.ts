/** Bytes by digest, `<cache>/blobs/ab/<sha256>`. Written whole or not at all; checked against the digest when read. */
import type { Digest } from '../base/digest.ts';

export interface BlobStore {
  /** Stores bytes; a blob that is already there and whole is left alone. @throws CacheWriteError when the disk refuses. */
  put(bytes: Uint8Array): Promise<Digest>;
  /** Stores what `write` puts into the file handed to it, hashing while writing. */
  putFile(source: string): Promise<Digest>;
  /** The bytes, checked; a damaged blob is quarantined and reads as missing. */
  get(digest: Digest): Promise<Uint8Array | undefined>;
  /** Path of a blob that is present, unchecked. */
  path(digest: Digest): string;
  has(digest: Digest): boolean;
}

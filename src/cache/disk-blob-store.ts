import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, digestOf, parseDigest } from '../base/digest.ts';
import { AtomicFile } from '../files/atomic-file.ts';
import type { BlobStore } from './blob-store.ts';
import type { Quarantine } from './quarantine.ts';

/** Blobs as files named by their SHA-256, so that `sha256sum` verifies them. */
export class DiskBlobStore implements BlobStore {
  readonly #folder: string;
  readonly #quarantine: Quarantine;

  constructor(folder: string, quarantine: Quarantine) {
    this.#folder = folder;
    this.#quarantine = quarantine;
  }

  async put(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    if (this.#isWhole(digest, bytes.length)) return digest;
    const file = new AtomicFile(this.path(digest));
    try {
      file.write(bytes);
      file.commit();
    } catch (error) {
      file.discard();
      throw error;
    }
    return digest;
  }

  async putFile(source: string): Promise<Digest> {
    const input = openSync(source, 'r');
    const file = new AtomicFile(join(this.#folder, 'incoming'));
    try {
      const hash = createHash('sha256');
      const chunk = Buffer.allocUnsafe(1 << 20);
      for (let read = readSync(input, chunk); read > 0; read = readSync(input, chunk)) {
        hash.update(chunk.subarray(0, read));
        file.write(chunk.subarray(0, read));
      }
      const digest = parseDigest(hash.digest('hex'));
      file.commit(this.path(digest));
      return digest;
    } catch (error) {
      file.discard();
      throw error;
    } finally {
      closeSync(input);
    }
  }

  async get(digest: Digest): Promise<Uint8Array | undefined> {
    const path = this.path(digest);
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(path);
    } catch {
      return undefined;
    }
    if (digestOf(bytes) === digest) return bytes;
    this.#quarantine.setAside(path, `blob ${digest.slice(0, 12)} does not match its digest`);
    return undefined;
  }

  path(digest: Digest): string {
    return join(this.#folder, digest.slice(0, 2), digest);
  }

  has(digest: Digest): boolean {
    return existsSync(this.path(digest));
  }

  /** A blob of the right length counts as there; one of another length is a torn write of a foreign tool and is replaced. */
  #isWhole(digest: Digest, length: number): boolean {
    const stat = statSync(this.path(digest), { throwIfNoEntry: false });
    return stat?.size === length && digestOf(readFileSync(this.path(digest))) === digest;
  }
}

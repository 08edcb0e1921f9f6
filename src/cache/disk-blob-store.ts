/** Blobs as files, `<cache>/blobs/ab/<sha256>`, hashed while they are written and again when they are read. */
import { createHash } from 'node:crypto';
import { existsSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestOf, parseDigest } from '../base/digest.ts';
import { AtomicFile, writeFileAtomically } from '../files/atomic-file.ts';
import { errnoOf } from '../files/write-error.ts';
import type { BlobStore } from './blob-store.ts';
import type { CacheFolders } from './cache-folders.ts';
import { markUsed } from './mark-used.ts';
import { patiently } from './patiently.ts';
import type { Quarantine } from './quarantine.ts';

/** Bytes read at once: the thread is free between two pieces. */
const PIECE = 4 << 20;

export class DiskBlobStore implements BlobStore {
  readonly #folders: CacheFolders;
  readonly #quarantine: Quarantine;

  constructor(folders: CacheFolders, quarantine: Quarantine) {
    this.#folders = folders;
    this.#quarantine = quarantine;
  }

  async put(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    if (await this.#isWhole(digest, bytes[0])) return digest;
    await patiently(() =>
      this.#folders.write((folder) => writeFileAtomically(join(folder, relativePath(digest)), bytes)),
    );
    return digest;
  }

  async putFile(source: string): Promise<Digest> {
    return patiently(() => this.#folders.write((folder) => this.#copyIn(source, folder)));
  }

  async get(digest: Digest): Promise<Uint8Array | undefined> {
    const read = await this.#read(digest, (size) => Buffer.allocUnsafeSlow(size));
    return read && new Uint8Array(read.buffer, read.byteOffset, read.byteLength);
  }

  path(digest: Digest): string {
    return this.#folders.locate(relativePath(digest));
  }

  has(digest: Digest): boolean {
    return existsSync(this.path(digest));
  }

  /** Reads a blob again and compares it with its digest; a damaged one is set aside. `absent` where there is none. */
  async check(digest: Digest): Promise<'whole' | 'damaged' | 'absent'> {
    const there = this.has(digest);
    if (await this.#read(digest, undefined)) return 'whole';
    return there ? 'damaged' : 'absent';
  }

  async #copyIn(source: string, folder: string): Promise<Digest> {
    const input = await open(source, 'r');
    try {
      const file = new AtomicFile(join(folder, 'blobs', 'incoming'));
      try {
        const hash = createHash('sha256');
        let first: number | undefined;
        for await (const piece of piecesOf(input)) {
          first ??= piece[0];
          hash.update(piece);
          file.write(piece);
        }
        const digest = parseDigest(hash.digest('hex'));
        if (await this.#isWhole(digest, first)) file.discard();
        else file.commit(join(folder, relativePath(digest)));
        return digest;
      } catch (error) {
        file.discard();
        throw error;
      }
    } finally {
      await input.close();
    }
  }

  /** Whether the blob is there and fits its digest. It counts as used then, so that a collection going on leaves it alone. */
  async #isWhole(digest: Digest, firstByte: number | undefined): Promise<boolean> {
    if (!this.has(digest) || (await this.check(digest)) !== 'whole') return false;
    if (firstByte !== undefined) markUsed(this.path(digest), firstByte);
    return true;
  }

  /** Reads a whole blob into what `allocate` gives, or piece by piece through one buffer where that is undefined. */
  async #read(digest: Digest, allocate: ((size: number) => Buffer) | undefined): Promise<Buffer | undefined> {
    const path = this.path(digest);
    let file: FileHandle | undefined;
    let seen: Stats | undefined;
    try {
      file = await patiently(() => open(path, 'r'));
      seen = await file.stat();
      const target = allocate?.(seen.size);
      const hash = createHash('sha256');
      let at = 0;
      for await (const piece of piecesOf(file, target)) {
        hash.update(piece);
        at += piece.length;
      }
      if (at === seen.size && hash.digest('hex') === digest) return target ?? Buffer.alloc(0);
      this.#quarantine.setAside(
        path,
        `the blob ${digest.slice(0, 12)} is damaged: its bytes do not fit its digest`,
        seen,
      );
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      if (errnoOf(error) === 'EIO') {
        this.#quarantine.setAside(path, `the blob ${digest.slice(0, 12)} cannot be read (input/output error)`, seen);
      }
    } finally {
      await file?.close();
    }
    return undefined;
  }
}

export function relativePath(digest: Digest): string {
  return join('blobs', digest.slice(0, 2), digest);
}

/** The pieces of a file one after another: parts of `target`, which they fill, or one buffer that is used again. */
async function* piecesOf(file: FileHandle, target?: Buffer): AsyncGenerator<Buffer> {
  const reused = target ? undefined : Buffer.allocUnsafeSlow(PIECE);
  for (let at = 0; ; ) {
    const room = reused ?? target?.subarray(at, at + PIECE);
    if (!room || room.length === 0) return;
    const { bytesRead } = await file.read(room, 0, room.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield room.subarray(0, bytesRead);
  }
}

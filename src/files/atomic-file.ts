/**
 * Files that are there whole or not at all: written under a temporary name in the same folder, flushed, renamed.
 * Everything here is synchronous: the files are small or written chunk by chunk, and a crash between two steps leaves at
 * most a temporary file behind, which the collection of the cache removes.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { asWrite, errnoOf } from './write-error.ts';

/** Part of every temporary name, so that collection can tell them. */
export const TEMPORARY = '.tmp-';

export interface WriteOptions {
  /** Flush to the device before the rename, and the folder after it. Off for what may be lost, such as memos. */
  readonly flush?: boolean;
  readonly mode?: number;
}

/** @throws CacheWriteError when the disk refuses; the old content is then untouched. */
export function writeFileAtomically(path: string, content: Uint8Array | string, options: WriteOptions = {}): void {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const file = new AtomicFile(path, options);
  try {
    file.write(bytes);
    file.commit();
  } catch (error) {
    file.discard();
    throw error;
  }
}

/** A file being written; nobody sees it under its name before `commit`. */
export class AtomicFile {
  readonly path: string;
  readonly temporary: string;
  readonly #flush: boolean;
  #descriptor: number | undefined;

  constructor(path: string, { flush = true, mode = 0o666 }: WriteOptions = {}) {
    this.path = path;
    this.temporary = `${path}${TEMPORARY}${process.pid}-${randomBytes(6).toString('hex')}`;
    this.#flush = flush;
    this.#descriptor = asWrite(path, () => {
      mkdirSync(dirname(path), { recursive: true });
      return openSync(this.temporary, 'wx', mode);
    });
  }

  write(bytes: Uint8Array): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) throw new Error('written after commit');
    asWrite(this.path, () => writeFully(descriptor, bytes));
  }

  /** Makes the file appear under `path`, or under another name that was found while writing (its own digest, say). */
  commit(path: string = this.path): void {
    asWrite(path, () => {
      if (this.#descriptor === undefined) throw new Error('committed twice');
      if (this.#flush) fsyncSync(this.#descriptor);
      closeSync(this.#descriptor);
      this.#descriptor = undefined;
      mkdirSync(dirname(path), { recursive: true });
      renameSync(this.temporary, path);
      if (this.#flush) flushFolder(dirname(path));
    });
  }

  discard(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    rmSync(this.temporary, { force: true });
  }
}

/** A short write (full disk, signal) goes on where it stopped; the next attempt reports what is wrong. */
function writeFully(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at);
}

/** Some file systems refuse to flush a folder: that is tolerated, as restic does. */
export function flushFolder(folder: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(folder, 'r');
    fsyncSync(descriptor);
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EPERM', 'EISDIR', 'EACCES'].includes(errnoOf(error) ?? '')) throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

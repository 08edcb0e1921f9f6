/**
 * The unfinished part of a download. Each process writes a part of its own, so that two can fetch one file at once; what a dead
 * process left behind is taken over by renaming it.
 */
import { createHash, type Hash, randomBytes } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { flushFolder } from '../files/atomic-file.ts';
import { asWrite } from '../files/write-error.ts';

export interface FinishedHashes {
  readonly md5: string;
  readonly sha256: string;
}

export class PartFile {
  readonly target: string;
  readonly path: string;
  #descriptor: number | undefined;
  #length = 0;
  #hashes: readonly [md5: Hash, sha256: Hash] = freshHashes();

  private constructor(target: string) {
    this.target = target;
    this.path = `${target}.part-${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;
  }

  /** Opens a part, with the bytes of an orphan if there is one for the same address. */
  static async open(target: string, address: string): Promise<PartFile> {
    const part = new PartFile(target);
    asWrite(target, () => mkdirSync(dirname(target), { recursive: true }));
    for (const orphan of orphansOf(target, address)) {
      if (adopt(orphan, part.path)) break;
    }
    part.#descriptor = asWrite(part.path, () => openSync(part.path, 'a', 0o666));
    asWrite(part.path, () => writeFileSync(`${part.path}.from`, `${address}\n${part.validator ?? ''}`));
    if (existsSync(part.path)) {
      for await (const chunk of createReadStream(part.path, { highWaterMark: 1 << 20 })) part.#count(chunk);
    }
    return part;
  }

  /** Bytes that are there. */
  get length(): number {
    return this.#length;
  }

  /** The strong ETag of the copy that the bytes belong to, for If-Range. */
  get validator(): string | undefined {
    return readOrigin(this.path)?.validator;
  }

  remember(address: string, etag: string | undefined): void {
    const strong = etag && !etag.startsWith('W/') ? etag : '';
    asWrite(this.path, () => writeFileSync(`${this.path}.from`, `${address}\n${strong}`));
  }

  write(bytes: Uint8Array): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) throw new Error('written to a closed part');
    asWrite(this.target, () => {
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at);
    });
    this.#count(bytes);
  }

  /** Forgets what is there. */
  restart(): void {
    const descriptor = this.#descriptor;
    if (descriptor !== undefined) asWrite(this.path, () => ftruncateSync(descriptor, 0));
    this.#length = 0;
    this.#hashes = freshHashes();
  }

  /** Hashes of all bytes so far. */
  hashes(): FinishedHashes {
    const [md5, sha256] = this.#hashes;
    return { md5: md5.copy().digest('hex'), sha256: sha256.copy().digest('hex') };
  }

  /** Makes the file appear under its name. */
  commit(): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) throw new Error('committed twice');
    asWrite(this.target, () => {
      fsyncSync(descriptor);
      closeSync(descriptor);
      this.#descriptor = undefined;
      renameSync(this.path, this.target);
      rmSync(`${this.path}.from`, { force: true });
      flushFolder(dirname(this.target));
    });
  }

  /** Leaves the bytes for the next attempt, which may be another process's. Nothing is to be done once it is committed or discarded. */
  leave(): void {
    if (!this.#close()) return;
    if (this.#length === 0) {
      this.#remove();
      return;
    }
    const left = `${this.target}.part-left-${this.path.slice(-8)}`;
    asWrite(this.path, () => {
      renameSync(`${this.path}.from`, `${left}.from`);
      renameSync(this.path, left);
    });
  }

  discard(): void {
    if (this.#close()) this.#remove();
  }

  #close(): boolean {
    if (this.#descriptor === undefined) return false;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    return true;
  }

  #remove(): void {
    rmSync(this.path, { force: true });
    rmSync(`${this.path}.from`, { force: true });
  }

  #count(bytes: Uint8Array): void {
    this.#length += bytes.length;
    for (const hash of this.#hashes) hash.update(bytes);
  }
}

function freshHashes(): readonly [Hash, Hash] {
  return [createHash('md5'), createHash('sha256')];
}

function readOrigin(part: string): { readonly address: string; readonly validator: string | undefined } | undefined {
  try {
    const [address = '', validator = ''] = readFileSync(`${part}.from`, 'utf8').split('\n');
    return { address, validator: validator || undefined };
  } catch {
    return undefined;
  }
}

/** Parts of an address that nobody writes any more, the longest first. */
function orphansOf(target: string, address: string): readonly string[] {
  const start = `${basename(target)}.part-`;
  return readdirSync(dirname(target))
    .filter((name) => name.startsWith(start) && !name.endsWith('.from') && isOrphan(name.slice(start.length)))
    .map((name) => join(dirname(target), name))
    .filter((path) => readOrigin(path)?.address === address)
    .sort((a, b) => sizeOfFile(b) - sizeOfFile(a));
}

/** `left-…`, or of a process of this host that has ended. A part of another host may be in use: it stays. */
function isOrphan(owner: string): boolean {
  if (owner.startsWith('left-')) return true;
  const [, host, pid] = /^(.*)-(\d+)-[0-9a-f]{8}$/.exec(owner) ?? [];
  if (host !== hostname() || Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

/** Renaming is the claim: of two processes only one succeeds. */
function adopt(orphan: string, path: string): boolean {
  try {
    renameSync(orphan, path);
    renameSync(`${orphan}.from`, `${path}.from`);
    return true;
  } catch {
    return false;
  }
}

function sizeOfFile(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { digestOf } from '../base/digest.ts';
import { writeFileAtomically } from './atomic-file.ts';
import type { Memo } from './memo.ts';
import { CacheWriteError } from './write-error.ts';

/** Magic, CRC-32 of the bytes, then the bytes. */
const MAGIC = 'pmemo1\n\0';

/** Memos as files, named by the digest of their key. A damaged one is a miss; a disk that refuses costs only the memo. */
export class DiskMemo implements Memo {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get(key: string): Uint8Array | undefined {
    let stored: Buffer;
    try {
      stored = readFileSync(this.#path(key));
    } catch {
      return undefined;
    }
    const bytes = stored.subarray(MAGIC.length + 4);
    if (stored.length < MAGIC.length + 4 || stored.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
    if (stored.readUInt32LE(MAGIC.length) !== crc32(bytes)) return undefined;
    // A plain array, since `slice` of a Buffer is a view: callers would see the whole file through its buffer.
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  set(key: string, bytes: Uint8Array): void {
    const header = Buffer.alloc(MAGIC.length + 4);
    header.write(MAGIC, 'latin1');
    header.writeUInt32LE(crc32(bytes), MAGIC.length);
    try {
      writeFileAtomically(this.#path(key), Buffer.concat([header, bytes]), { flush: false });
    } catch (error) {
      if (!(error instanceof CacheWriteError)) throw error;
    }
  }

  #path(key: string): string {
    return join(this.#folder, digestOf(key).slice(0, 40));
  }
}

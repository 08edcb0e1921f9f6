/** One pack that this process appends to. Rows are written before their records, so a reader never meets a record without its row. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Digest } from '../base/digest.ts';
import { CacheWriteError, errnoOf } from '../files/write-error.ts';
import {
  encodeHeader,
  encodeRecord,
  HEADER_BYTES,
  PACK_BYTES,
  type PackRecord,
  RECORD_BYTES,
  rowOffset,
} from './pack-format.ts';

/** Rows that follow one another in memory. */
export interface RowRun {
  readonly keys: readonly Uint8Array[];
  readonly rows: Uint8Array;
}

export class PackWriter {
  readonly name: string;
  readonly #folder: string;
  readonly #rowBytes: number;
  readonly #pack: FileHandle;
  readonly #index: FileHandle;
  #rows = 0;
  #records = 0;
  #sealed = false;

  private constructor(folder: string, name: string, rowBytes: number, pack: FileHandle, index: FileHandle) {
    this.name = name;
    this.#folder = folder;
    this.#rowBytes = rowBytes;
    this.#pack = pack;
    this.#index = index;
  }

  /** Starts a pack of a name that nobody else has. @throws CacheWriteError when the disk refuses. */
  static async create(folder: string, space: Digest, rowBytes: number): Promise<PackWriter> {
    const name = `${process.pid}-${randomBytes(8).toString('hex')}`;
    return asWriteTo(join(folder, name), async () => {
      mkdirSync(folder, { recursive: true });
      const pack = await open(join(folder, `${name}.pack`), 'wx');
      try {
        await writeAt(pack, encodeHeader('pack', name, space, rowBytes), 0);
        const index = await open(join(folder, `${name}.idx`), 'wx');
        try {
          await writeAt(index, encodeHeader('index', name, space, rowBytes), 0);
          return new PackWriter(folder, name, rowBytes, pack, index);
        } catch (error) {
          await index.close();
          throw error;
        }
      } catch (error) {
        await pack.close();
        throw error;
      }
    });
  }

  get folder(): string {
    return this.#folder;
  }

  /** Rows that still fit; none in a pack that is finished. */
  get room(): number {
    if (this.#sealed) return 0;
    return Math.max(this.#rows === 0 ? 1 : 0, Math.floor(PACK_BYTES / this.#rowBytes) - this.#rows);
  }

  /** Appends rows, then their records. @returns the records; the rows are in the kernel's hands, a killed process loses none. */
  async append({ keys, rows }: RowRun): Promise<readonly PackRecord[]> {
    const records = keys.map((key, i) => ({
      key,
      row: this.#rows + i,
      crc: crc32(rows.subarray(i * this.#rowBytes, (i + 1) * this.#rowBytes)),
      deadIn: 0,
    }));
    await this.#writeRows(rows);
    await this.#writeRecords(records);
    this.#rows += keys.length;
    return records;
  }

  /** Records that a row of some pack is dead. */
  async bury(key: Uint8Array, deadIn: number, row: number): Promise<void> {
    await this.#writeRecords([{ key, row, crc: 0, deadIn }]);
  }

  /** Flushes rows, then records, to the device. */
  async sync(): Promise<void> {
    await asWriteTo(this.#path, async () => {
      await this.#pack.datasync();
      await this.#index.datasync();
    });
  }

  async close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      await this.#pack.close();
      await this.#index.close();
    }
  }

  /** Rows without records are nobody's: what a failed write leaves is given back to a full disk, and written over later. */
  async #writeRows(rows: Uint8Array): Promise<void> {
    const start = rowOffset(this.#rows, this.#rowBytes);
    try {
      await asWriteTo(this.#path, () => writeAt(this.#pack, rows, start));
    } catch (error) {
      await this.#pack.truncate(start).catch(() => undefined);
      throw error;
    }
  }

  /** A reader may have met the records of a write that failed half-way; their rows must stay, so nothing is appended any more. */
  async #writeRecords(records: readonly PackRecord[]): Promise<void> {
    const bytes = Buffer.allocUnsafe(records.length * RECORD_BYTES);
    records.forEach((record, i) => {
      encodeRecord(bytes, i * RECORD_BYTES, record);
    });
    try {
      await asWriteTo(this.#path, () => writeAt(this.#index, bytes, HEADER_BYTES + this.#records * RECORD_BYTES));
    } catch (error) {
      this.#sealed = true;
      throw error;
    }
    this.#records += records.length;
  }

  get #path(): string {
    return join(this.#folder, `${this.name}.pack`);
  }
}

async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}

async function asWriteTo<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || error instanceof CacheWriteError) throw error;
    throw new CacheWriteError(path, errno, error);
  }
}

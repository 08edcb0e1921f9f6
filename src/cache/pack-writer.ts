import { randomBytes } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { asWrite } from '../files/write-error.ts';
import { PACK_HEADER_BYTES, packHeader, RECORD_BYTES, writeRecord } from './pack-format.ts';

/** A pack is closed and a new one begun at this size. */
const ROLL_BYTES = 256 * 2 ** 20;

/** Where an appended row lies. */
export interface AppendedRow {
  readonly pack: string;
  readonly row: number;
  readonly crc: number;
}

/** The packs that one process appends to in one row space. */
export class PackWriter {
  readonly #folder: string;
  readonly #rowBytes: number;
  #open: { readonly name: string; readonly data: number; readonly index: number; rows: number } | undefined;

  constructor(folder: string, rowBytes: number) {
    this.#folder = folder;
    this.#rowBytes = rowBytes;
  }

  /**
   * Appends rows: first all data, then the records. What the process has handed to the system survives its death; `close`
   * flushes it to the device. @throws CacheWriteError when the disk refuses; rows without a record do not count.
   */
  append(keys: readonly Uint8Array[], rows: Uint8Array): readonly AppendedRow[] {
    return asWrite(this.#folder, () => {
      const pack = this.#current();
      const records = Buffer.alloc(keys.length * RECORD_BYTES);
      const appended = keys.map((key, i) => {
        const bytes = rows.subarray(i * this.#rowBytes, (i + 1) * this.#rowBytes);
        const row = { pack: pack.name, row: pack.rows + i, crc: crc32(bytes) };
        writeRecord(records, i * RECORD_BYTES, { key, ...row });
        return row;
      });
      this.#writeAt(pack.data, rows, PACK_HEADER_BYTES + pack.rows * this.#rowBytes);
      this.#writeAt(pack.index, records, pack.rows * RECORD_BYTES);
      pack.rows += keys.length;
      if (pack.rows * this.#rowBytes >= ROLL_BYTES) this.close();
      return appended;
    });
  }

  close(): void {
    const pack = this.#open;
    this.#open = undefined;
    if (!pack) return;
    asWrite(this.#folder, () => {
      try {
        fdatasyncSync(pack.data);
        fdatasyncSync(pack.index);
      } finally {
        closeSync(pack.data);
        closeSync(pack.index);
      }
    });
  }

  #current() {
    if (this.#open) return this.#open;
    mkdirSync(this.#folder, { recursive: true });
    const name = `${process.pid}-${randomBytes(6).toString('hex')}`;
    const data = openSync(join(this.#folder, `${name}.pack`), 'wx');
    const index = openSync(join(this.#folder, `${name}.idx`), 'wx');
    this.#writeAt(data, packHeader(this.#rowBytes), 0);
    this.#open = { name, data, index, rows: 0 };
    return this.#open;
  }

  /** Positioned, so that a failed append leaves no gap: the next one writes over it. */
  #writeAt(file: number, bytes: Uint8Array, position: number): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, position + at);
  }
}

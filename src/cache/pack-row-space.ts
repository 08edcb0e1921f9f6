import { appendFileSync, closeSync, existsSync, fstatSync, openSync, read, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { KeyIndex } from './key-index.ts';
import { deadRecord, PACK_HEADER_BYTES, RECORD_BYTES, readDead, readRecord, rowBytesOf } from './pack-format.ts';
import { PackWriter } from './pack-writer.ts';
import type { Quarantine } from './quarantine.ts';
import type { RowSpace } from './row-store.ts';

/** Packs open for reading at the same time. */
const MOST_OPEN = 24;

interface Pack {
  readonly name: string;
  readonly usable: boolean;
  readonly dead: ReadonlySet<number>;
  /** Bytes of the index that have been read. */
  indexed: number;
  descriptor: number | undefined;
}

export class PackRowSpace implements RowSpace {
  readonly rowBytes: number;
  readonly #folder: string;
  readonly #quarantine: Quarantine;
  readonly #writer: PackWriter;
  readonly #packs: Pack[] = [];
  /** Key to position in the three columns below. */
  readonly #index = new KeyIndex();
  readonly #packOf = new Column();
  readonly #rowOf = new Column();
  readonly #crcOf = new Column();

  constructor(folder: string, rowBytes: number, quarantine: Quarantine) {
    this.#folder = folder;
    this.rowBytes = rowBytes;
    this.#quarantine = quarantine;
    this.#writer = new PackWriter(folder, rowBytes);
  }

  get count(): number {
    return this.#index.size;
  }

  has(key: Uint8Array): boolean {
    return this.#index.get(key) !== undefined;
  }

  async append(keys: readonly Uint8Array[], rows: Uint8Array): Promise<void> {
    const fresh = keys.flatMap((key, i) => (this.has(key) ? [] : [i]));
    if (fresh.length === 0) return;
    const all = fresh.length === keys.length;
    const bytes = all ? rows : Buffer.concat(fresh.map((i) => rows.subarray(i * this.rowBytes, (i + 1) * this.rowBytes)));
    const freshKeys = fresh.map((i) => keys[i] ?? new Uint8Array(32));
    const appended = this.#writer.append(freshKeys, bytes);
    appended.forEach(({ pack, row, crc }, i) => {
      const at = this.#packNumber(pack);
      const known = this.#packs[at];
      if (known) known.indexed = Math.max(known.indexed, (row + 1) * RECORD_BYTES);
      this.#note(freshKeys[i] ?? new Uint8Array(32), at, row, crc);
    });
  }

  async read(keys: readonly Uint8Array[], into: Uint8Array): Promise<{ readonly missing: readonly number[] }> {
    const missing: number[] = [];
    const reads: Promise<void>[] = [];
    for (let i = 0; i < keys.length; ) {
      const found = this.#index.get(keys[i] ?? new Uint8Array(32));
      if (found === undefined) {
        missing.push(i++);
        continue;
      }
      // Neighbours in the pack that are neighbours in the batch too are read at once.
      let length = 1;
      while (i + length < keys.length && this.#follows(found, this.#index.get(keys[i + length] ?? new Uint8Array(32)), length)) length++;
      reads.push(this.#readRun(keys, into, i, found, length, missing));
      i += length;
    }
    await Promise.all(reads);
    return { missing: missing.sort((a, b) => a - b) };
  }

  async refresh(): Promise<void> {
    if (!existsSync(this.#folder)) return;
    for (const name of readdirSync(this.#folder).sort()) {
      if (name.endsWith('.idx')) this.#readIndex(this.#packNumber(name.slice(0, -4)));
    }
  }

  async close(): Promise<void> {
    this.#writer.close();
    for (const pack of this.#packs) this.#closePack(pack);
  }

  #readIndex(packNumber: number): void {
    const pack = this.#packs[packNumber];
    if (!pack?.usable) return;
    const file = openSync(join(this.#folder, `${pack.name}.idx`), 'r');
    try {
      const whole = Math.floor((fstatSync(file).size - pack.indexed) / RECORD_BYTES) * RECORD_BYTES;
      if (whole <= 0) return;
      const bytes = Buffer.allocUnsafe(whole);
      const got = readSync(file, bytes, 0, whole, pack.indexed);
      for (let at = 0; at + RECORD_BYTES <= got; at += RECORD_BYTES) {
        const record = readRecord(bytes, at);
        if (!record) this.#quarantine.note(`an index record of pack ${pack.name} is damaged; its row is computed again`);
        else if (!pack.dead.has(record.row)) this.#note(record.key, packNumber, record.row, record.crc);
      }
      pack.indexed += whole;
    } finally {
      closeSync(file);
    }
  }

  #note(key: Uint8Array, pack: number, row: number, crc: number): void {
    this.#index.set(key, this.#packOf.length);
    this.#packOf.push(pack);
    this.#rowOf.push(row);
    this.#crcOf.push(crc);
  }

  #follows(first: number, other: number | undefined, distance: number): boolean {
    return other !== undefined && this.#packOf.at(other) === this.#packOf.at(first) && this.#rowOf.at(other) === this.#rowOf.at(first) + distance;
  }

  async #readRun(keys: readonly Uint8Array[], into: Uint8Array, at: number, found: number, length: number, missing: number[]): Promise<void> {
    const pack = this.#packs[this.#packOf.at(found)];
    const position = PACK_HEADER_BYTES + this.#rowOf.at(found) * this.rowBytes;
    const target = into.subarray(at * this.rowBytes, (at + length) * this.rowBytes);
    const got = pack ? await this.#readAt(pack, target, position) : 0;
    for (let i = 0; i < length; i++) {
      const bytes = target.subarray(i * this.rowBytes, (i + 1) * this.rowBytes);
      const key = keys[at + i] ?? new Uint8Array(32);
      const position = this.#index.get(key);
      if (got >= (i + 1) * this.rowBytes && position !== undefined && crc32(bytes) === this.#crcOf.at(position)) continue;
      missing.push(at + i);
      if (position !== undefined) this.#bury(key, position);
    }
  }

  /** Takes a damaged row out of this index and out of everybody's. */
  #bury(key: Uint8Array, position: number): void {
    const pack = this.#packs[this.#packOf.at(position)];
    const row = this.#rowOf.at(position);
    this.#index.delete(key);
    if (!pack) return;
    try {
      appendFileSync(join(this.#folder, `${pack.name}.dead`), deadRecord(row));
    } catch {
      // A read-only cache: every reader finds the damage again.
    }
    this.#quarantine.note(`row ${row} of pack ${pack.name} does not match its checksum; it is computed again`);
  }

  /** Bytes read, 0 where the pack cannot be read at all. */
  async #readAt(pack: Pack, target: Uint8Array, position: number): Promise<number> {
    const file = this.#descriptorOf(pack);
    if (file === undefined) return 0;
    let got = 0;
    while (got < target.length) {
      const more = await readChunk(file, target.subarray(got), position + got);
      if (more <= 0) break;
      got += more;
    }
    return got;
  }

  #descriptorOf(pack: Pack): number | undefined {
    if (pack.descriptor !== undefined) return pack.descriptor;
    try {
      pack.descriptor = openSync(join(this.#folder, `${pack.name}.pack`), 'r');
    } catch {
      return undefined;
    }
    return pack.descriptor;
  }

  #packNumber(name: string): number {
    const known = this.#packs.findIndex((pack) => pack.name === name);
    if (known >= 0) return known;
    const path = join(this.#folder, `${name}.pack`);
    const usable = headerRowBytes(path) === this.rowBytes;
    if (!usable) this.#quarantine.note(`pack ${name} has a damaged header; its rows are computed again`);
    if (this.#packs.filter(({ descriptor }) => descriptor !== undefined).length >= MOST_OPEN) this.#closeIdle();
    this.#packs.push({ name, usable, dead: deadRows(join(this.#folder, `${name}.dead`)), indexed: 0, descriptor: undefined });
    return this.#packs.length - 1;
  }

  /** Called only while the packs are listed, when no read is under way. */
  #closeIdle(): void {
    for (const pack of this.#packs) this.#closePack(pack);
  }

  #closePack(pack: Pack): void {
    if (pack.descriptor !== undefined) closeSync(pack.descriptor);
    pack.descriptor = undefined;
  }
}

/** A read error (a bad sector) counts as nothing read: the row is computed again. */
function readChunk(file: number, target: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve) => {
    read(file, target, 0, target.length, position, (error, got) => resolve(error ? 0 : got));
  });
}

function headerRowBytes(path: string): number | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const header = Buffer.alloc(PACK_HEADER_BYTES);
    readSync(file, header, 0, PACK_HEADER_BYTES, 0);
    return rowBytesOf(header);
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function deadRows(path: string): ReadonlySet<number> {
  try {
    return readDead(readFileSync(path));
  } catch {
    return new Set();
  }
}

/** A growing column of 32-bit numbers. */
class Column {
  #values = new Uint32Array(256);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const grown = new Uint32Array(this.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.length++] = value;
  }

  at(position: number): number {
    return this.#values[position] ?? 0;
  }
}

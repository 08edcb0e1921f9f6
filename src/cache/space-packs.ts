/** The packs of a row space as this process knows them: which there are, how far their indexes are read, which rows are dead. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Digest } from '../base/digest.ts';
import { errnoOf } from '../files/write-error.ts';
import { itemsOf } from './files-below.ts';
import type { KeyIndex } from './key-index.ts';
import { decodeRecord, HEADER_BYTES, hasHeader, type PackRecord, RECORD_BYTES, tagOf } from './pack-format.ts';
import type { Quarantine } from './quarantine.ts';

interface Pack {
  readonly path: string;
  readonly tag: number;
  /** Bytes of the index that are in the key index. */
  read: number;
  /** Written by this process, which adds its rows itself. */
  readonly own: boolean;
  rejected: boolean;
}

export class SpacePacks {
  readonly #space: Digest;
  readonly #rowBytes: number;
  readonly #index: KeyIndex;
  readonly #quarantine: Quarantine;
  readonly #packs: Pack[] = [];
  readonly #numbers = new Map<string, number>();
  /** Rows found damaged, by the tag of their pack. */
  readonly #dead = new Map<number, Set<number>>();

  constructor(space: Digest, rowBytes: number, index: KeyIndex, quarantine: Quarantine) {
    this.#space = space;
    this.#rowBytes = rowBytes;
    this.#index = index;
    this.#quarantine = quarantine;
  }

  /** Path of a pack by its number, without the ending. */
  path(pack: number): string {
    return this.#known(pack).path;
  }

  tag(pack: number): number {
    return this.#known(pack).tag;
  }

  /** The number of a pack by its path without the ending. */
  numberOf(path: string): number | undefined {
    return this.#numbers.get(path);
  }

  /** Adds a pack that this process writes. @returns its number. */
  addOwn(path: string): number {
    return this.#add(path, true);
  }

  /** Reads what others have appended to the indexes in these folders since the last time. */
  refresh(folders: readonly string[]): void {
    for (const folder of folders) {
      for (const item of itemsOf(folder)) {
        const path = join(folder, item.name.slice(0, -'.idx'.length));
        if (item.name.endsWith('.idx') && !this.#numbers.has(path)) this.#add(path, false);
      }
    }
    const buried = this.#packs.map((pack, number) => !pack.own && this.#readNew(pack, number)).includes(true);
    if (buried) this.#readAgain();
  }

  /** Marks a row as dead; its key is dropped when it points there. @returns false when that was known. */
  bury(key: Uint8Array, tag: number, row: number): boolean {
    const rows = this.#dead.get(tag) ?? new Set<number>();
    if (rows.has(row)) return false;
    this.#dead.set(tag, rows.add(row));
    const handle = this.#index.find(key);
    if (handle >= 0 && this.tag(this.#index.pack(handle)) === tag && this.#index.row(handle) === row)
      this.#index.drop(handle);
    return true;
  }

  /** Dead rows can hide other, sound rows with the same key: all indexes are read once more. */
  #readAgain(): void {
    this.#packs.forEach((pack, number) => {
      pack.read = 0;
      this.#readNew(pack, number);
    });
  }

  /** @returns whether a row was buried that the index had pointed to. */
  #readNew(pack: Pack, number: number): boolean {
    const size = statSync(`${pack.path}.idx`, { throwIfNoEntry: false })?.size ?? 0;
    if (pack.rejected || size < HEADER_BYTES || size <= pack.read) return false;
    const bytes = readFrom(`${pack.path}.idx`, pack.read);
    if (!bytes) return false;
    const start = pack.read === 0 ? HEADER_BYTES : 0;
    if (start > 0 && !this.#accepts(pack, bytes)) return false;
    return this.#takeRecords(pack, number, bytes, start);
  }

  #takeRecords(pack: Pack, number: number, bytes: Buffer, start: number): boolean {
    this.#index.reserve(Math.floor((bytes.length - start) / RECORD_BYTES));
    const bad: number[] = [];
    let lastGood = start;
    let buried = false;
    for (let at = start; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
      const record = decodeRecord(bytes, at);
      if (!record) {
        bad.push(at);
        continue;
      }
      buried = this.#take(record, pack, number) || buried;
      lastGood = at + RECORD_BYTES;
    }
    // Bad records at the end are a torn tail, or still being written; those before a good one are damage.
    const base = pack.read;
    for (const at of bad.filter((place) => place < lastGood))
      this.#noteRecord(pack, (base + at - HEADER_BYTES) / RECORD_BYTES);
    pack.read = base + lastGood;
    return buried;
  }

  #take({ key, row, crc, deadIn }: PackRecord, pack: Pack, number: number): boolean {
    if (deadIn !== 0) {
      const before = this.#index.count;
      this.bury(key, deadIn, row);
      return this.#index.count < before;
    }
    if (!this.#dead.get(pack.tag)?.has(row)) this.#index.add(key, number, row, crc);
    return false;
  }

  #accepts(pack: Pack, bytes: Buffer): boolean {
    const name = basename(pack.path);
    if (hasHeader(bytes, 'index', name, this.#space, this.#rowBytes)) return true;
    pack.rejected = true;
    this.#quarantine.note(
      `rows-${this.#space.slice(0, 12)}-${name}-header`,
      `the index of the row pack ${name} has a damaged header`,
      {
        pack: pack.path,
      },
    );
    return false;
  }

  #noteRecord(pack: Pack, record: number): void {
    const name = basename(pack.path);
    this.#quarantine.note(
      `rows-${this.#space.slice(0, 12)}-${name}-record-${record}`,
      `record ${record} in the index of the row pack ${name} is damaged`,
      { pack: pack.path, record },
    );
  }

  #add(path: string, own: boolean): number {
    const number = this.#packs.push({ path, tag: tagOf(basename(path)), read: 0, own, rejected: false }) - 1;
    this.#numbers.set(path, number);
    return number;
  }

  #known(pack: number): Pack {
    const known = this.#packs[pack];
    if (!known) throw new Error(`no pack ${pack} in space ${this.#space}`);
    return known;
  }
}

/** The bytes of a file from `start` to its end, or undefined where it cannot be read. */
export function readFrom(path: string, start: number): Buffer | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, fstatSync(file).size - start));
    let filled = 0;
    while (filled < bytes.length) {
      const read = readSync(file, bytes, filled, bytes.length - filled, start + filled);
      if (read === 0) break;
      filled += read;
    }
    return bytes.subarray(0, filled);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/**
 * Keys to places, in typed arrays: some 56 bytes a row, a million rows in about as many megabytes. Open addressing with linear
 * probing; keys are SHA-256 digests, so their first word is the hash. A dropped key keeps its slot and can come back.
 */
import { KEY_BYTES } from '../data/row-table.ts';

const KEY_WORDS = KEY_BYTES / 4;
/** Words of a record: key, pack, row, CRC-32 of the row. */
const WORDS = KEY_WORDS + 3;
const PACK = KEY_WORDS;
const ROW = KEY_WORDS + 1;
const CRC = KEY_WORDS + 2;
const DROPPED = 0xffffffff;

export class KeyIndex {
  #records: Uint32Array;
  #used = 0;
  #present = 0;
  /** Record number plus one, or 0. */
  #slots: Uint32Array;
  readonly #key = new Uint32Array(KEY_WORDS);
  readonly #keyBytes = new Uint8Array(this.#key.buffer);

  constructor(capacity = 1024) {
    this.#records = new Uint32Array(capacity * WORDS);
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(capacity, 8) * 1.5)));
  }

  /** Keys present. */
  get count(): number {
    return this.#present;
  }

  /** The handle of a key that is present, or -1. */
  find(key: Uint8Array): number {
    this.#load(key);
    const record = (this.#slots[this.#slotOfKey()] ?? 0) - 1;
    return record < 0 || this.#records[record * WORDS + PACK] === DROPPED ? -1 : record;
  }

  /** Adds a key, or gives a dropped one a new place. A key that is present keeps its place. @returns whether it was added. */
  add(key: Uint8Array, pack: number, row: number, crc: number): boolean {
    this.#load(key);
    let slot = this.#slotOfKey();
    let record = (this.#slots[slot] ?? 0) - 1;
    if (record >= 0 && this.#records[record * WORDS + PACK] !== DROPPED) return false;
    if (record < 0) {
      if ((this.#used + 1) * 1.4 > this.#slots.length) {
        this.#growSlots();
        slot = this.#slotOfKey();
      }
      record = this.#appendKey();
      this.#slots[slot] = record + 1;
    }
    this.#records[record * WORDS + PACK] = pack;
    this.#records[record * WORDS + ROW] = row;
    this.#records[record * WORDS + CRC] = crc;
    this.#present++;
    return true;
  }

  /** Removes the key of a handle. */
  drop(handle: number): void {
    if (this.pack(handle) === DROPPED) return;
    this.#records[handle * WORDS + PACK] = DROPPED;
    this.#present--;
  }

  pack(handle: number): number {
    return this.#records[handle * WORDS + PACK] ?? DROPPED;
  }

  row(handle: number): number {
    return this.#records[handle * WORDS + ROW] ?? 0;
  }

  crc(handle: number): number {
    return this.#records[handle * WORDS + CRC] ?? 0;
  }

  /** Makes room for `more` keys at once. */
  reserve(more: number): void {
    const wanted = (this.#used + more) * WORDS;
    if (wanted > this.#records.length) this.#growRecords(wanted);
    while ((this.#used + more) * 1.4 > this.#slots.length) this.#growSlots();
  }

  /** Copies a key to where its words are aligned. */
  #load(key: Uint8Array): void {
    if (key.length !== KEY_BYTES) throw new Error(`a row key has ${KEY_BYTES} bytes, not ${key.length}`);
    this.#keyBytes.set(key);
  }

  /** The slot of the loaded key, or the free one where it belongs. */
  #slotOfKey(): number {
    const mask = this.#slots.length - 1;
    let slot = (this.#key[0] ?? 0) & mask;
    for (
      let record = this.#slots[slot] ?? 0;
      record !== 0 && !this.#isKeyOf(record - 1);
      record = this.#slots[slot] ?? 0
    ) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #isKeyOf(record: number): boolean {
    for (let word = 0; word < KEY_WORDS; word++) {
      if (this.#records[record * WORDS + word] !== this.#key[word]) return false;
    }
    return true;
  }

  #appendKey(): number {
    if ((this.#used + 1) * WORDS > this.#records.length)
      this.#growRecords(Math.ceil(this.#records.length * 1.5) + WORDS);
    this.#records.set(this.#key, this.#used * WORDS);
    return this.#used++;
  }

  #growRecords(words: number): void {
    const grown = new Uint32Array(words);
    grown.set(this.#records.subarray(0, this.#used * WORDS));
    this.#records = grown;
  }

  #growSlots(): void {
    const grown = new Uint32Array(this.#slots.length * 2);
    const mask = grown.length - 1;
    for (let record = 0; record < this.#used; record++) {
      let slot = (this.#records[record * WORDS] ?? 0) & mask;
      while (grown[slot] !== 0) slot = (slot + 1) & mask;
      grown[slot] = record + 1;
    }
    this.#slots = grown;
  }
}

/** Rows of a table without repeating an image. */
import type { RowTable } from '../../data/row-table.ts';

/** The first row of each image, in table order. Holds one hash slot a row, no strings. */
export function distinctRows(table: RowTable): Uint32Array {
  const seen = new KeySet(table);
  return Uint32Array.from({ length: table.count }, (_, row) => row).filter((row) => seen.add(row));
}

/** Open addressing over row numbers; digests are spread evenly already, so their first word is the hash. */
class KeySet {
  readonly #table: RowTable;
  readonly #slots: Int32Array;

  constructor(table: RowTable) {
    this.#table = table;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(2, table.count * 2)))).fill(-1);
  }

  /** Whether the row's key is new. */
  add(row: number): boolean {
    const key = this.#table.key(row);
    const mask = this.#slots.length - 1;
    let at = new DataView(key.buffer, key.byteOffset, 4).getUint32(0, true) & mask;
    for (let other = this.#slots[at] ?? -1; other >= 0; other = this.#slots[at] ?? -1) {
      if (Buffer.compare(key, this.#table.key(other)) === 0) return false;
      at = (at + 1) & mask;
    }
    this.#slots[at] = row;
    return true;
  }
}

/**
 * A dataset as columns: one row an example. Per row it holds some 50 bytes and the name, never pixels; it is the only
 * thing in memory that grows with the number of rows.
 */
import { createHash } from 'node:crypto';
import { type Digest, parseDigest } from '../base/digest.ts';

export const SPLITS = ['train', 'validation', 'test'] as const;
export type Split = (typeof SPLITS)[number];

/** Bytes of an image digest. */
export const KEY_BYTES = 32;
export const UNLABELLED = -1;

export interface RowColumns {
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  readonly count: number;
  /** Index into SPLITS. */
  readonly split: Uint8Array;
  /** Class index, or UNLABELLED. */
  readonly label: Int32Array;
  /** Image digests, KEY_BYTES a row. */
  readonly keys: Uint8Array;
  /** Which part of the ingest stage the image comes from, index into SPLITS: `split` may move a row, its file stays. */
  readonly part: Uint8Array;
  /** UTF-8 names one after another; row i is `nameEnds[i-1] … nameEnds[i]`. */
  readonly names: Uint8Array;
  readonly nameEnds: Uint32Array;
}

const MAGIC = 'pipe-rows-1\n';
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** What a row is built from. */
export interface Row {
  readonly split: Split;
  readonly part: Split;
  readonly label: number;
  /** KEY_BYTES bytes. */
  readonly key: Uint8Array;
  readonly name: string;
}

export class RowTable implements RowColumns {
  readonly classes: readonly string[];
  readonly count: number;
  readonly split: Uint8Array;
  readonly label: Int32Array;
  readonly keys: Uint8Array;
  readonly part: Uint8Array;
  readonly names: Uint8Array;
  readonly nameEnds: Uint32Array;

  constructor(columns: RowColumns) {
    this.classes = columns.classes;
    this.count = columns.count;
    this.split = columns.split;
    this.label = columns.label;
    this.keys = columns.keys;
    this.part = columns.part;
    this.names = columns.names;
    this.nameEnds = columns.nameEnds;
  }

  static from(classes: readonly string[], rows: readonly Row[]): RowTable {
    const names = rows.map((row) => encoder.encode(row.name));
    const nameEnds = new Uint32Array(rows.length);
    let end = 0;
    names.forEach((bytes, i) => {
      end += bytes.length;
      nameEnds[i] = end;
    });
    const keys = new Uint8Array(rows.length * KEY_BYTES);
    rows.forEach((row, i) => {
      keys.set(row.key, i * KEY_BYTES);
    });
    return new RowTable({
      classes,
      count: rows.length,
      split: Uint8Array.from(rows, (row) => SPLITS.indexOf(row.split)),
      part: Uint8Array.from(rows, (row) => SPLITS.indexOf(row.part)),
      label: Int32Array.from(rows, (row) => row.label),
      keys,
      names: Buffer.concat(names),
      nameEnds,
    });
  }

  name(row: number): string {
    return decoder.decode(this.names.subarray(row === 0 ? 0 : this.nameEnds[row - 1], this.nameEnds[row]));
  }

  key(row: number): Uint8Array {
    return this.keys.subarray(row * KEY_BYTES, (row + 1) * KEY_BYTES);
  }

  digest(row: number): Digest {
    return parseDigest(Buffer.from(this.key(row)).toString('hex'));
  }

  splitOf(row: number): Split {
    return SPLITS[this.split[row] ?? 0] ?? 'train';
  }

  partOf(row: number): Split {
    return SPLITS[this.part[row] ?? 0] ?? 'train';
  }

  /** Indices of the rows of a split, in table order. */
  rowsOf(split: Split): Uint32Array {
    const wanted = SPLITS.indexOf(split);
    const rows = new Uint32Array(this.count);
    let found = 0;
    for (let i = 0; i < this.count; i++) if (this.split[i] === wanted) rows[found++] = i;
    return rows.slice(0, found);
  }

  /** The rows at `indices`, in that order, with the same classes. */
  select(indices: ArrayLike<number>, split?: Uint8Array): RowTable {
    const rows = Array.from(indices);
    const names = rows.map((i) => this.names.subarray(i === 0 ? 0 : this.nameEnds[i - 1], this.nameEnds[i]));
    const nameEnds = new Uint32Array(rows.length);
    const keys = new Uint8Array(rows.length * KEY_BYTES);
    let end = 0;
    rows.forEach((from, to) => {
      end += names[to]?.length ?? 0;
      nameEnds[to] = end;
      keys.set(this.key(from), to * KEY_BYTES);
    });
    return new RowTable({
      classes: this.classes,
      count: rows.length,
      split: split ?? Uint8Array.from(rows, (i) => this.split[i] ?? 0),
      part: Uint8Array.from(rows, (i) => this.part[i] ?? 0),
      label: Int32Array.from(rows, (i) => this.label[i] ?? UNLABELLED),
      keys,
      names: Buffer.concat(names),
      nameEnds,
    });
  }

  /** The table's bytes: a header line, then the columns, little-endian. Equal tables have equal bytes. */
  encode(): Uint8Array {
    const header = `${MAGIC}${JSON.stringify({ classes: this.classes, count: this.count, names: this.names.length })}\n`;
    return Buffer.concat([
      encoder.encode(header),
      this.split,
      this.part,
      littleEndian(this.label),
      this.keys,
      littleEndian(this.nameEnds),
      this.names,
    ]);
  }

  /** @throws Error when the bytes are not a row table; callers have checked their digest before. */
  static decode(bytes: Uint8Array): RowTable {
    const headerEnd = bytes.indexOf(10, MAGIC.length);
    if (decoder.decode(bytes.subarray(0, MAGIC.length)) !== MAGIC || headerEnd < 0) throw new Error('not a row table');
    const header: { classes: string[]; count: number; names: number } = JSON.parse(
      decoder.decode(bytes.subarray(MAGIC.length, headerEnd)),
    );
    let at = headerEnd + 1;
    const take = (length: number) => {
      // A copy with a buffer of its own: `slice` of a Buffer would be a view of its pool.
      const part = new Uint8Array(bytes.subarray(at, at + length));
      if (part.length !== length) throw new Error('a row table is cut short');
      at += length;
      return part;
    };
    const { classes, count } = header;
    return new RowTable({
      classes,
      count,
      split: take(count),
      part: take(count),
      label: new Int32Array(take(count * 4).buffer),
      keys: take(count * KEY_BYTES),
      nameEnds: new Uint32Array(take(count * 4).buffer),
      names: take(header.names),
    });
  }

  /**
   * Digest of the canonical row list (split, label, image digest, name): the fingerprint identity of an ingest stage.
   * Train and validation rows count in the order of their names, test rows in the file's, whose order the submission keeps.
   */
  canonicalDigest(): Digest {
    const order = Array.from({ length: this.count }, (_, i) => i);
    const test = SPLITS.indexOf('test');
    const nameOf = Array.from({ length: this.count }, (_, i) => this.name(i));
    order.sort((a, b) => {
      const bySplit = (this.split[a] ?? 0) - (this.split[b] ?? 0);
      if (bySplit !== 0 || this.split[a] === test) return bySplit || a - b;
      const [x, y] = [nameOf[a] ?? '', nameOf[b] ?? ''];
      return x < y ? -1 : x > y ? 1 : a - b;
    });
    const hash = createHash('sha256').update(`rows\n${JSON.stringify(this.classes)}\n`);
    for (const i of order)
      hash.update(`${this.splitOf(i)}\t${this.label[i]}\t${JSON.stringify(nameOf[i])}\t`).update(this.key(i));
    return parseDigest(hash.digest('hex'));
  }
}

/** The bytes of a column; every platform that Node runs on here is little-endian, which `decode` relies on too. */
function littleEndian(column: Int32Array | Uint32Array): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

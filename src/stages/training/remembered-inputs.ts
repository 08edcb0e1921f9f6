/** Inputs of a small data set, kept after they were read once; trainings on the same rows at the same time keep them together. */
import { ok } from '../../base/result.ts';
import { gatherRows } from '../../engines/session-input.ts';
import { SharedInput } from '../../engines/shared-input.ts';
import { type Shape, sizeOf } from '../../networks/network.ts';
import type { BatchReader, InputBatch, InputSource } from '../inputs/input-batches.ts';

/** Up to this size the inputs are sent to an engine as a whole, once, and batches then name their rows. */
const MOST_SENT = 64 * 2 ** 20;

const [UNKNOWN, LEFT_OUT] = [-1, -2];

/** Inputs by row of a table, in one array that fills as they are read. */
class KeptInputs {
  readonly #size: number;
  readonly #rows: number;
  readonly #numbers: Float32Array<ArrayBuffer>;
  /** Where a row of the table lies, counted in rows; `UNKNOWN` or `LEFT_OUT` where it does not. */
  readonly #places: Int32Array;
  /** Rows that lie here, and rows that were asked for. */
  #count = 0;
  #asked = 0;
  #whole: SharedInput | undefined;
  /** Trainings that read them. */
  users = 0;

  /**
   * @param table rows of the table
   * @param rows those that will be read, at most
   * @param size numbers a row
   */
  constructor(table: number, rows: number, size: number) {
    this.#places = new Int32Array(table).fill(UNKNOWN);
    this.#size = size;
    this.#rows = rows;
    this.#numbers = new Float32Array(rows * size);
  }

  /** All of them as an input to share; undefined while rows are missing. */
  whole(): SharedInput | undefined {
    if (this.#asked < this.#rows || this.#numbers.byteLength > MOST_SENT) return undefined;
    this.#whole ??= new SharedInput(this.#numbers);
    return this.#whole;
  }

  release(): void {
    this.#whole?.release();
    this.#whole = undefined;
  }

  knows(row: number): boolean {
    return this.#places[row] !== UNKNOWN;
  }

  /** Those that the source did not leave out, and where they lie. */
  placed(wanted: Uint32Array): { readonly rows: Uint32Array; readonly places: Uint32Array } {
    const [rows, places] = [new Uint32Array(wanted.length), new Uint32Array(wanted.length)];
    let count = 0;
    for (const row of wanted) {
      const place = this.#places[row] ?? UNKNOWN;
      if (place < 0) continue;
      rows[count] = row;
      places[count++] = place;
    }
    return { rows: rows.subarray(0, count), places: places.subarray(0, count) };
  }

  /** Keeps what a source gave for `wanted`; those that are not among `rows` it has left out. */
  keep(wanted: Uint32Array, { input, rows }: InputBatch): void {
    rows.forEach((row, i) => {
      if (this.knows(row)) return;
      this.#numbers.set(input.subarray(i * this.#size, (i + 1) * this.#size), this.#count * this.#size);
      this.#places[row] = this.#count++;
      this.#asked++;
    });
    for (const row of wanted) {
      if (this.knows(row)) continue;
      this.#places[row] = LEFT_OUT;
      this.#asked++;
    }
  }

  fill(places: Uint32Array, input: Float32Array): void {
    gatherRows(this.#numbers, places, this.#size, input);
  }
}

/** What trainings of this process have in memory together. */
const together = new Map<string, KeptInputs>();

export interface Remembering {
  /** Rows of the table. */
  readonly table: number;
  /** Rows that will be read, at most. */
  readonly rows: number;
  /** The most memory to take: a source of more is read every time. */
  readonly bytes: number;
  /** Names the table and what is read of it, where other trainings may have the same in memory. */
  readonly key?: string;
}

/** Does something with the source, its inputs kept in memory meanwhile where they are few. */
export async function remembering<T>(
  source: InputSource,
  { table, rows, bytes, key }: Remembering,
  use: (inputs: InputSource) => Promise<T>,
): Promise<T> {
  const size = sizeOf(source.shape);
  if (rows * size * 4 > bytes) return use(source);
  const known = key === undefined ? undefined : together.get(key);
  const kept = known ?? new KeptInputs(table, rows, size);
  if (key !== undefined) together.set(key, kept);
  kept.users++;
  try {
    return await use(new RememberedInputs(source, kept));
  } finally {
    if (--kept.users === 0) {
      if (key !== undefined) together.delete(key);
      kept.release();
    }
  }
}

class RememberedInputs implements InputSource {
  readonly shape: Shape;
  readonly #source: InputSource;
  readonly #kept: KeptInputs;

  constructor(source: InputSource, kept: KeptInputs) {
    this.shape = source.shape;
    this.#source = source;
    this.#kept = kept;
  }

  open(order: Uint32Array, batch: number, epoch?: number, sharing = false): BatchReader {
    if (!order.every((row) => this.#kept.knows(row)))
      return this.#remember(this.#source.open(order, batch, epoch, sharing), order, batch);
    const whole = sharing ? this.#kept.whole() : undefined;
    return this.#replay(order, batch, whole);
  }

  /** Reads from the source and keeps what it gives. */
  #remember(reader: BatchReader, order: Uint32Array, batch: number): BatchReader {
    let at = 0;
    return {
      next: async () => {
        const made = await reader.next();
        if (!made.ok || !made.value) return made;
        this.#kept.keep(order.subarray(at, at + batch), made.value);
        at += batch;
        return made;
      },
      recycle: (input) => reader.recycle(input),
      close: () => reader.close(),
    };
  }

  #sharedBatch(order: Uint32Array, shared: SharedInput): InputBatch {
    return { input: shared.numbers, shared, ...this.#kept.placed(order) };
  }

  #ownBatch(order: Uint32Array, idle: Float32Array<ArrayBuffer> | undefined, batch: number): InputBatch {
    const { rows, places } = this.#kept.placed(order);
    const input = idle ?? new Float32Array(batch * sizeOf(this.shape));
    this.#kept.fill(places, input);
    return { input, rows };
  }

  /** Batches cut where the source would cut them. */
  #replay(order: Uint32Array, batch: number, whole: SharedInput | undefined): BatchReader {
    const idle: Float32Array<ArrayBuffer>[] = [];
    let at = 0;
    return {
      next: async () => {
        if (at >= order.length) return ok(undefined);
        const wanted = order.subarray(at, at + batch);
        at += batch;
        return ok(whole ? this.#sharedBatch(wanted, whole) : this.#ownBatch(wanted, idle.pop(), batch));
      },
      recycle: (input) => {
        if (!whole) idle.push(input);
      },
      close: async () => {},
    };
  }
}

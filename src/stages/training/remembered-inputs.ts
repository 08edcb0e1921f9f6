/** Inputs of a small data set, kept after they were read once; trainings on the same rows at the same time keep them together. */
import { ok } from '../../base/result.ts';
import { SharedInput } from '../../engines/shared-input.ts';
import { type Shape, sizeOf } from '../../networks/network.ts';
import type { BatchReader, InputBatch, InputSource } from '../inputs/input-batches.ts';

/** Inputs by row of a table, in one array that fills as they are read. */
class KeptInputs {
  readonly #size: number;
  readonly #numbers: Float32Array;
  /** Where a row's numbers lie, counted in rows. */
  readonly #places = new Map<number, number>();
  /** Rows that the source left out. */
  readonly #left = new Set<number>();
  readonly recent = new RecentBatches();

  /** @param size numbers a row */
  constructor(rows: number, size: number) {
    this.#size = size;
    this.#numbers = new Float32Array(rows * size);
  }

  knows(row: number): boolean {
    return this.#places.has(row) || this.#left.has(row);
  }

  has(row: number): boolean {
    return this.#places.has(row);
  }

  /** Keeps what a source gave for `wanted`; those that are not among `rows` it has left out. */
  keep(wanted: Uint32Array, { input, rows }: InputBatch): void {
    rows.forEach((row, i) => {
      if (this.#places.has(row)) return;
      const place = this.#places.size;
      this.#numbers.set(input.subarray(i * this.#size, (i + 1) * this.#size), place * this.#size);
      this.#places.set(row, place);
    });
    for (const row of wanted) if (!this.#places.has(row)) this.#left.add(row);
  }

  fill(rows: Uint32Array, input: Float32Array): void {
    let to = 0;
    for (const row of rows) {
      const from = (this.#places.get(row) ?? 0) * this.#size;
      input.set(this.#numbers.subarray(from, from + this.#size), to);
      to += this.#size;
    }
  }
}

/** Memory for batches that trainings side by side come to at about the same time. */
const RECENT_BYTES = 16 * 2 ** 20;

/** The last batches that were put together, for as long as more than one training reads. */
class RecentBatches {
  /** By the order that a batch is cut from and where: trainings side by side have the same order, not just an equal one. */
  readonly #kept = new Map<ArrayBufferLike, Map<string, SharedInput>>();
  readonly #sizes: { readonly order: ArrayBufferLike; readonly at: string; readonly bytes: number }[] = [];
  readonly #idle: Float32Array<ArrayBuffer>[] = [];
  #bytes = 0;
  #readers = 0;

  enter(): void {
    this.#readers++;
  }

  leave(): void {
    if (--this.#readers > 0) return;
    this.#dropTo(0);
    this.#idle.length = 0;
  }

  /** A batch of an order, to be released; undefined where nobody else reads. */
  take(order: Uint32Array, length: number, fill: (into: Float32Array) => void): SharedInput | undefined {
    if (this.#readers < 2) return undefined;
    const at = `${order.byteOffset} ${order.length} ${length}`;
    const known = this.#kept.get(order.buffer)?.get(at);
    if (known) return known.retain();
    const idle = this.#idle.pop();
    const numbers = idle?.length === length ? idle : new Float32Array(length);
    fill(numbers);
    const input = new SharedInput(numbers);
    input.whenReleased(() => {
      if (this.#readers > 0) this.#idle.push(numbers);
    });
    const batches = this.#kept.get(order.buffer) ?? new Map<string, SharedInput>();
    this.#kept.set(order.buffer, batches.set(at, input));
    this.#sizes.push({ order: order.buffer, at, bytes: numbers.byteLength });
    this.#bytes += numbers.byteLength;
    const mine = input.retain();
    this.#dropTo(RECENT_BYTES);
    return mine;
  }

  #dropTo(most: number): void {
    while (this.#bytes > most) {
      const oldest = this.#sizes.shift();
      if (!oldest) return;
      const batches = this.#kept.get(oldest.order);
      batches?.get(oldest.at)?.release();
      batches?.delete(oldest.at);
      if (batches?.size === 0) this.#kept.delete(oldest.order);
      this.#bytes -= oldest.bytes;
    }
  }
}

/** What trainings of this process have in memory, for as long as one of them lasts. */
const together = new Map<string, WeakRef<KeptInputs>>();

function keptTogether(key: string, rows: number, size: number): KeptInputs {
  const known = together.get(key)?.deref();
  if (known) return known;
  const kept = new KeptInputs(rows, size);
  together.set(key, new WeakRef(kept));
  return kept;
}

export interface Remembering {
  /** Rows that will be read, at most. */
  readonly rows: number;
  /** The most memory to take: a source of more is read every time. */
  readonly bytes: number;
  /** Names the table and what is read of it, where other trainings may have the same in memory. */
  readonly key?: string;
}

/** The source, its inputs kept in memory where they are few. */
export function remembered(source: InputSource, { rows, bytes, key }: Remembering): InputSource {
  const size = sizeOf(source.shape);
  if (rows * size * 4 > bytes) return source;
  return new RememberedInputs(source, key === undefined ? new KeptInputs(rows, size) : keptTogether(key, rows, size));
}

class RememberedInputs implements InputSource {
  readonly shape: Shape;
  readonly #source: InputSource;
  readonly #kept: KeptInputs;
  /** Arrays of past batches. */
  readonly #idle: Float32Array<ArrayBuffer>[] = [];

  constructor(source: InputSource, kept: KeptInputs) {
    this.shape = source.shape;
    this.#source = source;
    this.#kept = kept;
  }

  open(order: Uint32Array, batch: number, epoch?: number, sharing = false): BatchReader {
    const known = order.every((row) => this.#kept.knows(row));
    return known
      ? this.#replay(order, batch, sharing)
      : this.#remember(this.#source.open(order, batch, epoch, sharing), order, batch);
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

  /** Batches cut where the source would cut them. */
  #replay(order: Uint32Array, batch: number, sharing: boolean): BatchReader {
    const length = batch * sizeOf(this.shape);
    const { recent } = this.#kept;
    const lent = new Map<Float32Array<ArrayBuffer>, SharedInput>();
    let at = 0;
    if (sharing) recent.enter();
    return {
      next: async () => {
        if (at >= order.length) return ok(undefined);
        const wanted = order.subarray(at, at + batch);
        const rows = wanted.filter((row) => this.#kept.has(row));
        at += batch;
        const shared = sharing ? recent.take(wanted, length, (into) => this.#kept.fill(rows, into)) : undefined;
        if (shared) {
          lent.set(shared.numbers, shared);
          return ok({ input: shared.numbers, rows, shared } satisfies InputBatch);
        }
        const idle = this.#idle.pop();
        const input = idle?.length === length ? idle : new Float32Array(length);
        this.#kept.fill(rows, input);
        return ok({ input, rows } satisfies InputBatch);
      },
      recycle: (input) => {
        const shared = lent.get(input);
        lent.delete(input);
        if (shared) shared.release();
        else if (input.length === length) this.#idle.push(input);
      },
      close: async () => {
        for (const shared of lent.values()) shared.release();
        lent.clear();
        if (sharing) recent.leave();
      },
    };
  }
}

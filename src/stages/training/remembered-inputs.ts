/** Inputs of a small data set, kept after they were read once. */
import { ok } from '../../base/result.ts';
import { type Shape, sizeOf } from '../../networks/network.ts';
import type { BatchReader, InputBatch, InputSource } from '../inputs/input-batches.ts';

/** The source, its inputs kept in memory where `rows` of them take at most `bytes`. */
export function remembered(source: InputSource, rows: number, bytes: number): InputSource {
  return rows * sizeOf(source.shape) * 4 <= bytes ? new RememberedInputs(source) : source;
}

export class RememberedInputs implements InputSource {
  readonly shape: Shape;
  readonly #source: InputSource;
  readonly #inputs = new Map<number, Float32Array>();
  /** Rows that the source left out. */
  readonly #unreadable = new Set<number>();

  constructor(source: InputSource) {
    this.shape = source.shape;
    this.#source = source;
  }

  open(order: Uint32Array, batch: number, epoch?: number): BatchReader {
    const known = order.every((row) => this.#inputs.has(row) || this.#unreadable.has(row));
    return known ? this.#replay(order, batch) : this.#remember(this.#source.open(order, batch, epoch), order, batch);
  }

  /** Reads from the source and keeps what it gives. */
  #remember(reader: BatchReader, order: Uint32Array, batch: number): BatchReader {
    const size = sizeOf(this.shape);
    let at = 0;
    return {
      next: async () => {
        const made = await reader.next();
        if (!made.ok || !made.value) return made;
        const { input, rows } = made.value;
        rows.forEach((row, i) => {
          if (!this.#inputs.has(row)) this.#inputs.set(row, input.slice(i * size, (i + 1) * size));
        });
        for (const row of order.subarray(at, at + batch)) if (!this.#inputs.has(row)) this.#unreadable.add(row);
        at += batch;
        return made;
      },
      recycle: (input) => reader.recycle(input),
      close: () => reader.close(),
    };
  }

  /** Batches cut where the source would cut them. */
  #replay(order: Uint32Array, batch: number): BatchReader {
    const size = sizeOf(this.shape);
    const idle: Float32Array<ArrayBuffer>[] = [];
    let at = 0;
    return {
      next: async () => {
        if (at >= order.length) return ok(undefined);
        const rows = order.subarray(at, at + batch).filter((row) => this.#inputs.has(row));
        at += batch;
        const input = idle.pop() ?? new Float32Array(batch * size);
        rows.forEach((row, i) => {
          const kept = this.#inputs.get(row);
          if (kept) input.set(kept, i * size);
        });
        return ok({ input, rows } satisfies InputBatch);
      },
      recycle: (input) => {
        if (input.length === batch * size) idle.push(input);
      },
      close: async () => {},
    };
  }
}

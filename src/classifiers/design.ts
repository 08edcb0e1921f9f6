/** The rows that a linear model is fitted to, handed out some at a time: a pass over them is the only way to see them. */
import type { Result } from '../base/result.ts';
import { ok } from '../base/result.ts';

/** Consecutive rows, row-major `[count, stride]`. */
export interface DesignChunk {
  /** Index of the first row. */
  readonly first: number;
  readonly count: number;
  readonly stride: number;
  readonly numbers: Float64Array;
  /** Columns from here on are zero in all of these rows, and are not looked at. */
  readonly width: number;
}

/** A matrix of rows [rows × width]; `E` is how a pass over it may fail. */
export interface Design<E> {
  readonly rows: number;
  readonly width: number;
  /** Calls `take` with every row, in order. What it is handed is reused afterwards. */
  each(take: (chunk: DesignChunk) => void): Promise<Result<void, E>>;
}

/** Rows of a chunk of a design in memory. */
const CHUNK = 128;

/** A design in memory. `pause` runs before each pass, and may end it. */
export class MemoryDesign<E> implements Design<E> {
  readonly rows: number;
  readonly width: number;
  readonly #numbers: Float64Array;
  readonly #triangular: boolean;
  readonly #pause: () => Promise<Result<void, E>>;

  /** `triangular`: nothing but zeros to the right of the diagonal. */
  constructor(
    numbers: Float64Array,
    rows: number,
    options: { readonly triangular?: boolean; readonly pause?: () => Promise<Result<void, E>> } = {},
  ) {
    this.rows = rows;
    this.width = rows === 0 ? 0 : numbers.length / rows;
    this.#numbers = numbers;
    this.#triangular = options.triangular ?? false;
    this.#pause = options.pause ?? (() => Promise.resolve(ok(undefined)));
  }

  async each(take: (chunk: DesignChunk) => void): Promise<Result<void, E>> {
    const paused = await this.#pause();
    if (!paused.ok) return paused;
    const { rows, width: stride } = this;
    for (let first = 0; first < rows; first += CHUNK) {
      const count = Math.min(CHUNK, rows - first);
      const numbers = this.#numbers.subarray(first * stride, (first + count) * stride);
      take({ first, count, stride, numbers, width: this.#triangular ? Math.min(stride, first + count) : stride });
    }
    return ok(undefined);
  }
}

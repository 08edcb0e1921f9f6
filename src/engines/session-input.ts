/** The rows that a step or a prediction reads. */
import type { SharedInput } from './shared-input.ts';

export interface SessionInput {
  /**
   * `rows` inputs, row-major; handed over to the session (may be detached) and given back in a step's result. With `places` more rows, of
   * which they say the ones to read.
   */
  readonly input: Float32Array<ArrayBuffer>;
  readonly rows: number;
  /** Where the input is that of other sessions or steps too: it is not handed over then. */
  readonly shared?: SharedInput | undefined;
  /** Of a shared input: where each row lies in it, counted in rows. */
  readonly places?: Uint32Array | undefined;
}

/** Copies the rows at some places of an input, one after another, to the start of `into`. */
export function gatherRows(input: Float32Array, places: Uint32Array, width: number, into: Float32Array): void {
  let to = 0;
  for (const place of places) {
    into.set(input.subarray(place * width, (place + 1) * width), to);
    to += width;
  }
}

/** Rows one after another, gathered where they lie apart, in one memory that serves again and again. */
export class GatheredRows {
  readonly #width: number;
  #memory = new Float32Array(0);

  /** @param width numbers a row */
  constructor(width: number) {
    this.#width = width;
  }

  /** [rows, width]; good until the next call. */
  of({ input, rows, places }: Pick<SessionInput, 'input' | 'rows' | 'places'>): Float32Array<ArrayBuffer> {
    const width = this.#width;
    if (!places) return input.subarray(0, rows * width);
    if (this.#memory.length < rows * width) this.#memory = new Float32Array(rows * width);
    gatherRows(input, places, width, this.#memory);
    return this.#memory.subarray(0, rows * width);
  }
}

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
    for (let row = 0; row < rows; row++) {
      const from = (places[row] ?? 0) * width;
      this.#memory.set(input.subarray(from, from + width), row * width);
    }
    return this.#memory.subarray(0, rows * width);
  }
}

/** Makes one of what a calibration gives of many rows: the least of the least numbers, the largest of the largest, the mean of the means. */
export class CalibrationFold {
  readonly #values: number;
  readonly #folded: Float64Array;
  #rows = 0;

  /** @param session that calibrates */
  constructor({
    outputShape: [width = 0],
    means = 0,
  }: { readonly outputShape: readonly number[]; readonly means?: number | undefined }) {
    this.#values = (width - means) / 2;
    this.#folded = new Float64Array(width);
    this.#folded
      .fill(Number.POSITIVE_INFINITY, 0, this.#values)
      .fill(Number.NEGATIVE_INFINITY, this.#values, 2 * this.#values);
  }

  /** @param found [rows, width] */
  add(found: Float32Array): void {
    const width = this.#folded.length;
    const values = this.#values;
    for (let at = 0; at < found.length; at++) {
      const place = at % width;
      const [before, number] = [this.#folded[place] ?? 0, found[at] ?? 0];
      if (place < values) this.#folded[place] = Math.min(before, number);
      else if (place < 2 * values) this.#folded[place] = Math.max(before, number);
      else this.#folded[place] = before + number;
    }
    this.#rows += found.length / width;
  }

  /** To eleven significant bits, so that engines whose last bits differ find the same: ends away from zero, means to the nearest. */
  result(): Float32Array<ArrayBuffer> {
    return Float32Array.from(this.#folded, (number, place) =>
      place < 2 * this.#values ? roundedTo(number, Math.ceil) : roundedTo(number / this.#rows, Math.round),
    );
  }
}

function roundedTo(value: number, round: (magnitude: number) => number): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  const step = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
  return Math.sign(value) * round(Math.abs(value) / step) * step;
}

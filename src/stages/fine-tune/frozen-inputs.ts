/** Images run through the frozen layers on the way, as the input of the trained ones. */
import { ok } from '../../base/result.ts';
import type { ForwardSession } from '../../engines/engine.ts';
import { type Shape, sizeOf } from '../../networks/network.ts';
import type { BatchReader, InputSource } from '../inputs/input-batches.ts';

export class FrozenInputs implements InputSource {
  readonly shape: Shape;
  readonly #images: InputSource;
  readonly #session: ForwardSession;
  readonly #most: number;

  /** @param most images of a pass: more of them at once no longer fit the processor's caches */
  constructor(images: InputSource, session: ForwardSession, most: number) {
    this.shape = session.outputShape;
    this.#images = images;
    this.#session = session;
    this.#most = most;
  }

  open(order: Uint32Array, batch: number, epoch?: number): BatchReader {
    const images = this.#images.open(order, batch, epoch);
    return {
      next: async () => {
        const next = await images.next();
        if (!next.ok || !next.value || next.value.rows.length === 0) return next;
        const { input, rows } = next.value;
        const made = await this.#run(input, rows.length, (used) => images.recycle(used));
        return ok({ input: made, rows });
      },
      recycle: () => {},
      close: () => images.close(),
    };
  }

  async #run(
    input: Float32Array<ArrayBuffer>,
    rows: number,
    giveBack: (input: Float32Array<ArrayBuffer>) => void,
  ): Promise<Float32Array<ArrayBuffer>> {
    if (rows <= this.#most) return this.#session.run(input, rows, giveBack);
    const [wide, narrow] = [sizeOf(this.#images.shape), sizeOf(this.shape)];
    const made = new Float32Array(rows * narrow);
    const parts: Promise<void>[] = [];
    for (let from = 0; from < rows; from += this.#most) {
      const count = Math.min(this.#most, rows - from);
      const part = this.#session.run(input.slice(from * wide, (from + count) * wide), count);
      parts.push(part.then((output) => made.set(output, from * narrow)));
    }
    await Promise.all(parts);
    giveBack(input);
    return made;
  }
}

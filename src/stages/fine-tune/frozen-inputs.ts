/** Images run through the frozen layers on the way, as the input of the trained ones. */
import { ok } from '../../base/result.ts';
import type { ForwardSession } from '../../engines/engine.ts';
import type { Shape } from '../../networks/network.ts';
import type { BatchReader, InputSource } from '../inputs/input-batches.ts';

export class FrozenInputs implements InputSource {
  readonly shape: Shape;
  readonly #images: InputSource;
  readonly #session: ForwardSession;

  constructor(images: InputSource, session: ForwardSession) {
    this.shape = session.outputShape;
    this.#images = images;
    this.#session = session;
  }

  open(order: Uint32Array, batch: number, epoch?: number): BatchReader {
    const images = this.#images.open(order, batch, epoch);
    return {
      next: async () => {
        const next = await images.next();
        if (!next.ok || !next.value || next.value.rows.length === 0) return next;
        const { input, rows } = next.value;
        const made = await this.#session.run(input, rows.length);
        images.recycle(input);
        return ok({ input: made, rows });
      },
      recycle: () => {},
      close: () => images.close(),
    };
  }
}

/** Steps that the engine has been given and that are not settled yet: sending one hides behind computing the ones before. */

export interface StepInFlight {
  readonly loss: Promise<number>;
  /** Rows of the step. */
  readonly taken: number;
  /** Of the epoch, from 1. */
  readonly number: number;
}

export interface SettledStep {
  readonly loss: number;
  readonly taken: number;
  readonly number: number;
}

/** Inputs in flight take at most this many bytes, or two batches. */
const BYTES_IN_FLIGHT = 4 * 2 ** 20;
const MOST_IN_FLIGHT = 32;

export class StepsInFlight {
  readonly #steps: StepInFlight[] = [];
  readonly #most: number;

  constructor(batchBytes: number) {
    this.#most = Math.min(MOST_IN_FLIGHT, Math.max(2, Math.floor(BYTES_IN_FLIGHT / batchBytes)));
  }

  push(step: StepInFlight): void {
    // Awaited in order; until then a failure must not count as unhandled.
    step.loss.catch(() => {});
    this.#steps.push(step);
  }

  /** Settles steps, oldest first, until there is room for one more; all of them with `all`. Stops behind a loss that is no number. */
  async *settle(all: boolean): AsyncGenerator<SettledStep> {
    for (let next = this.#oldest(all); next; next = this.#oldest(all)) {
      const loss = await next.loss;
      yield { loss, taken: next.taken, number: next.number };
      if (!Number.isFinite(loss)) return;
    }
  }

  /** Waits for whatever is left, however it ends. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#steps.map(({ loss }) => loss));
  }

  #oldest(all: boolean): StepInFlight | undefined {
    return this.#steps.length > (all ? 0 : this.#most - 1) ? this.#steps.shift() : undefined;
  }
}

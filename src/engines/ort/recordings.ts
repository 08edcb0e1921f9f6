/**
 * Recorded graphs with their sessions, one for all trainings of a thread that need the same: weights are inputs of a graph, so heads
 * that differ by rate or seed alone share it, with the memory that its passes take. Requests run one after another.
 */
export interface Recording {
  close(): Promise<void>;
}

interface Shared<T> {
  readonly made: Promise<T>;
  users: number;
}

export class Recordings<T extends Recording> {
  readonly #shared = new Map<string, Shared<T>>();

  /** The recording of a key, made where nobody holds it yet. Whoever takes it gives it back. */
  take(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.#shared.get(key);
    if (known) {
      known.users++;
      return known.made;
    }
    const made = make();
    this.#shared.set(key, { made, users: 1 });
    made.catch(() => this.#shared.delete(key));
    return made;
  }

  /** The last one to give it back closes it. */
  async giveBack(key: string): Promise<void> {
    const shared = this.#shared.get(key);
    if (!shared || --shared.users > 0) return;
    this.#shared.delete(key);
    await (await shared.made).close();
  }
}

/**
 * One reading of stored rows for several trainings that go over them in the same order at the same time: each batch is read and
 * checked once. The trainings keep in step, none more than a few batches before the slowest.
 */
import type { Result } from '../../base/result.ts';
import type { StageFailure } from '../stage-kind.ts';

/** Fills `into` with the rows of a batch. */
export type ReadBatch = (into: Float32Array<ArrayBuffer>) => Promise<Result<void, StageFailure>>;

/** Batches that are kept for those who have not come to them yet. */
const WINDOW = 3;

interface Member {
  /** Batches taken so far. */
  taken: number;
}

interface Kept {
  readonly data: Float32Array<ArrayBuffer>;
  readonly done: Promise<Result<void, StageFailure>>;
}

class Pass {
  readonly members = new Set<Member>();
  readonly #kept = new Map<number, Kept>();
  #waiting: (() => void)[] = [];

  async take(member: Member, into: Float32Array<ArrayBuffer>, read: ReadBatch): Promise<Result<void, StageFailure>> {
    const number = member.taken;
    while (number >= this.#slowest() + WINDOW) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const kept = this.#kept.get(number) ?? this.#keep(number, into.length, read);
    const done = kept ? await kept.done : await read(into);
    if (done.ok && kept) into.set(kept.data);
    member.taken++;
    this.moved();
    return done;
  }

  /** Somebody went on or left. */
  moved(): void {
    const slowest = this.#slowest();
    for (const number of this.#kept.keys()) if (number < slowest) this.#kept.delete(number);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Starts a reading for all; undefined where nobody else is there to use it. */
  #keep(number: number, length: number, read: ReadBatch): Kept | undefined {
    const others = [...this.members].filter(({ taken }) => taken <= number).length > 1;
    if (!others) return undefined;
    const data = new Float32Array(length);
    const kept = { data, done: read(data) };
    this.#kept.set(number, kept);
    return kept;
  }

  #slowest(): number {
    return Math.min(...[...this.members].map(({ taken }) => taken));
  }
}

export interface SharedPass {
  /** The next batch. */
  take(into: Float32Array<ArrayBuffer>, read: ReadBatch): Promise<Result<void, StageFailure>>;
  leave(): void;
}

const passes = new Map<string, Pass>();

/** Joins the pass over the same rows in the same order, or starts one. */
export function joinPass(key: string): SharedPass {
  const pass = passes.get(key) ?? new Pass();
  passes.set(key, pass);
  const member: Member = { taken: 0 };
  pass.members.add(member);
  return {
    take: (into, read) => pass.take(member, into, read),
    leave() {
      pass.members.delete(member);
      if (pass.members.size === 0) passes.delete(key);
      else pass.moved();
    },
  };
}

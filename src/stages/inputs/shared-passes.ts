/**
 * One reading of stored rows for several trainings that go over them in the same order at the same time: each batch is read and
 * checked once. The trainings keep in step, none more than a few batches before the slowest.
 */
import { ok, type Result } from '../../base/result.ts';
import { SharedInput } from '../../engines/shared-input.ts';
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
  readonly input: SharedInput;
  readonly done: Promise<Result<void, StageFailure>>;
}

class Pass {
  readonly members = new Set<Member>();
  readonly #kept = new Map<number, Kept>();
  /** Memory of batches that everybody is done with. */
  readonly #idle: Float32Array<ArrayBuffer>[] = [];
  #waiting: (() => void)[] = [];

  async take(member: Member, into: Float32Array<ArrayBuffer>, read: ReadBatch): Promise<Result<void, StageFailure>> {
    const kept = await this.#await(member, into.length, read);
    const done = kept ? await kept.done : await read(into);
    if (done.ok && kept) into.set(kept.input.numbers);
    member.taken++;
    this.moved();
    return done;
  }

  async share(member: Member, length: number, read: ReadBatch): Promise<Result<SharedInput, StageFailure> | undefined> {
    const kept = await this.#await(member, length, read);
    if (!kept) return undefined;
    const done = await kept.done;
    const shared = done.ok ? ok(kept.input.retain()) : done;
    member.taken++;
    this.moved();
    return shared;
  }

  /** The reading that serves a member next, begun where nobody has begun it; undefined where it would serve nobody else. */
  async #await(member: Member, length: number, read: ReadBatch): Promise<Kept | undefined> {
    const number = member.taken;
    while (number >= this.#slowest() + WINDOW) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.#kept.get(number) ?? this.#keep(number, length, read);
  }

  /** Somebody went on or left. */
  moved(): void {
    const slowest = this.#slowest();
    for (const [number, { input }] of this.#kept) {
      if (number >= slowest) continue;
      this.#kept.delete(number);
      input.release();
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Starts a reading for all; undefined where nobody else is there to use it. */
  #keep(number: number, length: number, read: ReadBatch): Kept | undefined {
    const others = [...this.members].filter(({ taken }) => taken <= number).length > 1;
    if (!others) return undefined;
    const idle = this.#idle.pop();
    const numbers = idle?.length === length ? idle : new Float32Array(length);
    const input = new SharedInput(numbers);
    input.whenReleased(() => this.#idle.push(numbers));
    const kept = { input, done: read(numbers) };
    this.#kept.set(number, kept);
    return kept;
  }

  #slowest(): number {
    return Math.min(...[...this.members].map(({ taken }) => taken));
  }
}

export interface SharedPass {
  /** The next batch, in memory of one's own. */
  take(into: Float32Array<ArrayBuffer>, read: ReadBatch): Promise<Result<void, StageFailure>>;
  /** The next batch, of `length` numbers, in memory that others read too: to be released. Undefined, and not taken, where there are no others. */
  share(length: number, read: ReadBatch): Promise<Result<SharedInput, StageFailure> | undefined>;
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
    share: (length, read) => pass.share(member, length, read),
    leave() {
      pass.members.delete(member);
      if (pass.members.size === 0) passes.delete(key);
      pass.moved();
    },
  };
}

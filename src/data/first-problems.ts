/** Faults of a list that may have millions of rows: the first ones are kept, the others counted. */
import type { Diagnostic } from '../base/diagnostic.ts';

/** Problems of one kind that are told one by one. */
export const MOST_SHOWN = 20;

export class FirstProblems {
  readonly #shown: Diagnostic[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(problem: Diagnostic): void {
    if (this.#count++ < MOST_SHOWN) this.#shown.push(problem);
  }

  /** The first problems and how many more there are. */
  list(): readonly Diagnostic[] {
    const [first] = this.#shown;
    if (this.#count <= MOST_SHOWN || !first) return this.#shown;
    const more = this.#count - MOST_SHOWN;
    return [...this.#shown, { ...first, message: `and ${more} more of this kind`, help: `${this.#count} in all` }];
  }
}

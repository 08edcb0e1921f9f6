/** Inputs on their way to an engine: one's own goes as it is, a shared one as a copy, and only once. */
import type { SharedInput } from '../shared-input.ts';
import type { Answers, SentInput } from './protocol.ts';

export class SentInputs {
  readonly #forget: (shared: number) => Promise<Answers['forget']>;
  /** Numbers of shared inputs that the engine has. */
  readonly #known = new WeakMap<SharedInput, number>();
  /** Memory of inputs that were forgotten. */
  readonly #idle: Float32Array<ArrayBuffer>[] = [];
  #count = 0;

  constructor(forget: (shared: number) => Promise<Answers['forget']>) {
    this.#forget = forget;
  }

  send(input: Float32Array<ArrayBuffer>, shared: SharedInput | undefined): SentInput {
    if (!shared) return { numbers: input };
    const known = this.#known.get(shared);
    if (known !== undefined) return { shared: known };
    const number = this.#count++;
    this.#known.set(shared, number);
    shared.whenReleased(() => void this.#released(number));
    const idle = this.#idle.pop();
    const numbers = idle?.length === input.length ? idle : new Float32Array(input.length);
    numbers.set(input);
    return { numbers, shared: number };
  }

  async #released(number: number): Promise<void> {
    // An engine that is gone has forgotten it already.
    const { numbers } = await this.#forget(number).catch((): Answers['forget'] => ({}));
    if (numbers) this.#idle.push(numbers);
  }
}

/** An input that several training sessions read: an engine is sent it once. Nobody may change it until all have released it. */
export class SharedInput {
  readonly numbers: Float32Array<ArrayBuffer>;
  #users = 1;
  readonly #onReleased: (() => void)[] = [];

  /** Whoever makes it is its first user. */
  constructor(numbers: Float32Array<ArrayBuffer>) {
    this.numbers = numbers;
  }

  /** One user more, who has to release it. */
  retain(): SharedInput {
    if (this.#users === 0) throw new Error('an input is shared again after its release');
    this.#users++;
    return this;
  }

  release(): void {
    if (this.#users === 0) throw new Error('an input is released twice');
    if (--this.#users > 0) return;
    for (const released of this.#onReleased) released();
  }

  /** Called once, when its last user has released it. */
  whenReleased(released: () => void): void {
    this.#onReleased.push(released);
  }
}

/** Messages on their way to another thread, posted several at once: posting one takes half as long as a step of a small head. */
export class Outbox<T> {
  readonly #post: (items: readonly T[], transfer: ArrayBuffer[]) => void;
  #items: T[] = [];
  #transfer: ArrayBuffer[] = [];
  #postedAt = performance.now();

  constructor(post: (items: readonly T[], transfer: ArrayBuffer[]) => void) {
    this.#post = post;
  }

  get count(): number {
    return this.#items.length;
  }

  /** Milliseconds since something was posted. */
  get waitedMs(): number {
    return performance.now() - this.#postedAt;
  }

  add(item: T, transfer: readonly ArrayBuffer[]): void {
    this.#items.push(item);
    this.#transfer.push(...transfer);
  }

  flush(): void {
    if (this.#items.length === 0) return;
    const [items, transfer] = [this.#items, this.#transfer];
    this.#items = [];
    this.#transfer = [];
    this.#post(items, transfer);
    this.#postedAt = performance.now();
  }
}

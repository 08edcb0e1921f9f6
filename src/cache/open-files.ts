/** Files open for reading, a bounded number of them: one that nobody reads from is closed when another is wanted. */
import { closeSync, openSync } from 'node:fs';
import { errnoOf } from '../files/write-error.ts';

interface OpenFile {
  readonly descriptor: number;
  users: number;
}

const RETRY_MS = 10;

export class OpenFiles {
  readonly #limit: number;
  /** Least recently taken first. */
  readonly #files = new Map<string, OpenFile>();
  #waiting: (() => void)[] = [];

  constructor(limit = 64) {
    this.#limit = limit;
  }

  /** The descriptor of a file, at once unless too many are open. Each take needs a `giveBack`. @throws the open's error. */
  take(path: string): number | Promise<number> {
    const known = this.#files.get(path);
    if (known) {
      known.users++;
      this.#files.delete(path);
      this.#files.set(path, known);
      return known.descriptor;
    }
    if (this.#files.size >= this.#limit && !this.#closeIdle()) return this.#takeLater(path);
    try {
      const descriptor = openSync(path, 'r');
      this.#files.set(path, { descriptor, users: 1 });
      return descriptor;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== 'EMFILE' && errno !== 'ENFILE') throw error;
      return this.#closeIdle() ? this.take(path) : this.#takeLater(path);
    }
  }

  giveBack(path: string): void {
    const file = this.#files.get(path);
    if (!file || file.users === 0) throw new Error(`given back more often than taken: ${path}`);
    file.users--;
    if (file.users > 0) return;
    const woken = this.#waiting;
    this.#waiting = [];
    for (const wake of woken) wake();
  }

  /** Closes the files below a folder that nobody reads from. */
  closeBelow(folder: string): void {
    for (const [path, file] of this.#files) if (file.users === 0 && path.startsWith(folder)) this.#close(path, file);
  }

  #closeIdle(): boolean {
    for (const [path, file] of this.#files) {
      if (file.users > 0) continue;
      this.#close(path, file);
      return true;
    }
    return false;
  }

  #close(path: string, file: OpenFile): void {
    this.#files.delete(path);
    closeSync(file.descriptor);
  }

  /** Waits for somebody of ours to give a file back, or for a moment: others may have taken all descriptors. */
  async #takeLater(path: string): Promise<number> {
    await new Promise<void>((wake) => {
      const timer = setTimeout(wake, RETRY_MS);
      this.#waiting.push(() => {
        clearTimeout(timer);
        wake();
      });
    });
    return this.take(path);
  }
}

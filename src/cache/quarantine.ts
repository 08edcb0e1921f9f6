/** Where damaged files go: kept for a look, never read again. */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';

export type OnDamage = (detail: string) => void;

export class Quarantine {
  readonly folder: string;
  readonly #onDamage: OnDamage;

  constructor(folder: string, onDamage: OnDamage) {
    this.folder = folder;
    this.#onDamage = onDamage;
  }

  /** Sets a damaged file aside and says so once. Where it cannot be moved it is removed; where that fails, it stays a miss. */
  setAside(path: string, what: string): void {
    try {
      mkdirSync(this.folder, { recursive: true });
      renameSync(path, join(this.folder, `${basename(path)}.${Date.now()}`));
    } catch {
      try {
        rmSync(path, { force: true });
      } catch {
        // A read-only cache: the damaged file stays, and every read of it is a miss.
      }
    }
    this.#onDamage(what);
  }

  /** Damage inside a file whose other parts are sound. */
  note(what: string): void {
    this.#onDamage(what);
  }
}

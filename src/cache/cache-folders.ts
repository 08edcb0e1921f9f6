/**
 * Where the cache reads and writes: its own folder, and, where that refuses writes, a spare folder that lives as long as the
 * process. So hits of a read-only cache are used, and what it misses can still be computed and passed on.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CacheWriteError } from '../files/write-error.ts';

/** Errors that say "not here" rather than "not now". */
const REFUSALS = new Set(['EACCES', 'EPERM', 'EROFS']);

export function isRefusal(error: unknown): error is CacheWriteError {
  return error instanceof CacheWriteError && REFUSALS.has(error.errno);
}

export class CacheFolders {
  readonly main: string;
  #spare: string | undefined;
  readonly #onRefused: (error: CacheWriteError) => void;

  constructor(main: string, onRefused: (error: CacheWriteError) => void) {
    this.main = main;
    this.#onRefused = onRefused;
  }

  /** The folders that may hold something, the spare one first: what was written there may stand in for damage that must stay. */
  get all(): readonly string[] {
    return this.#spare === undefined ? [this.main] : [this.#spare, this.main];
  }

  /** Where `relative` exists; where it would be written when it does not exist. */
  locate(relative: string): string {
    const spare = this.#spare !== undefined && join(this.#spare, relative);
    return spare && existsSync(spare) ? spare : join(this.main, relative);
  }

  /** Writes below the cache's folder, and in the spare one where the cache's may not be written. */
  async write<T>(write: (folder: string) => T | Promise<T>): Promise<T> {
    try {
      return await write(this.main);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return await write(this.refused(error));
    }
  }

  /** Notes that the cache's folder refused a write. @returns the spare folder. */
  refused(error: CacheWriteError): string {
    if (this.#spare === undefined) {
      const folder = mkdtempSync(join(tmpdir(), 'pipe-cache-'));
      process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
      this.#spare = folder;
      this.#onRefused(error);
    }
    return this.#spare;
  }
}

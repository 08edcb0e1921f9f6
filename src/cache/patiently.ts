import { setTimeout as delay } from 'node:timers/promises';
import { CacheWriteError, errnoOf } from '../files/write-error.ts';

const TRIES = 100;

/** Tries again while the process or the system has too many files open: slower, but never wrong. */
export async function patiently<T>(act: () => T | Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await act();
    } catch (error) {
      const errno = error instanceof CacheWriteError ? error.errno : errnoOf(error);
      if ((errno !== 'EMFILE' && errno !== 'ENFILE') || tries === TRIES) throw error;
      await delay(Math.min(5 * tries, 100));
    }
  }
}

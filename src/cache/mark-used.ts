import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { errnoOf } from '../files/write-error.ts';

/** Half of the collection's grace of a day, so that what a run has just used is never older than the other half. */
const MARK_AFTER_MS = 12 * 3600_000;

/**
 * Renews a file's modification time when it is half a day old, by writing its first byte over itself: the time is then the
 * file server's, not this host's, and it works for another user's file in a shared cache, whose time only its owner could set.
 * A file that may not be written keeps its time: it is collected earlier, which costs a recomputation at most.
 */
export function markUsed(path: string, firstByte: number): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat || stat.size === 0 || Math.abs(Date.now() - stat.mtimeMs) < MARK_AFTER_MS) return;
  let file: number | undefined;
  try {
    file = openSync(path, 'r+');
    writeSync(file, Uint8Array.of(firstByte), 0, 1, 0);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

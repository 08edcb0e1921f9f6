/** The marks by which an unchanged file is told: size, modification and change time, inode. */
import { type Stats, statSync } from 'node:fs';

/** Numbers a stamp takes. */
export const STAMP_LENGTH = 4;

/** Writes the marks of a file to `out[at …]`; false when there is no such file. */
export function stampInto(path: string, out: Float64Array, at: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) return false;
  writeStamp(stat, out, at);
  return true;
}

function writeStamp(stat: Stats, out: Float64Array, at: number): void {
  out[at] = stat.size;
  out[at + 1] = stat.mtimeMs;
  out[at + 2] = stat.ctimeMs;
  out[at + 3] = stat.ino;
}

export function sameStamp(a: Float64Array, atA: number, b: Float64Array, atB: number): boolean {
  for (let i = 0; i < STAMP_LENGTH; i++) if (a[atA + i] !== b[atB + i]) return false;
  return true;
}

/**
 * Whether a file was touched so shortly before `notedAtMs` that a later write could carry the same time stamp. Such a file is
 * read again next time (git calls it racily clean). Two seconds cover file systems with coarse clocks.
 */
export function isRacy(stamps: Float64Array, at: number, notedAtMs: number): boolean {
  const newest = Math.max(stamps[at + 1] ?? 0, stamps[at + 2] ?? 0);
  return newest > notedAtMs - 2000;
}

/** Reads rows from packs: all reads of a batch are handed to the kernel's queue before the first one is waited for. */
import { read } from 'node:fs';
import { crc32 } from 'node:zlib';
import { errnoOf } from '../files/write-error.ts';
import type { OpenFiles } from './open-files.ts';
import { rowOffset } from './pack-format.ts';

/** Where a row lies and where in the caller's buffer it goes. */
export interface WantedRow {
  readonly pack: number;
  readonly row: number;
  readonly crc: number;
  /** Number of the row in the buffer. */
  readonly to: number;
}

/** Why a row could not be had: its bytes are damaged, or its pack cannot be opened. */
export interface LostRow {
  readonly wanted: WantedRow;
  readonly reason: 'damaged' | 'unreadable';
}

/** Neighbours in a pack that are neighbours in the buffer are read at once, up to so many bytes: several threads share a batch. */
const MOST_AT_ONCE = 1 << 20;

/** Reads rows into `into`, checksums verified. @returns the rows that are lost. */
export async function readRows(
  wanted: WantedRow[],
  pathOf: (pack: number) => string,
  files: OpenFiles,
  rowBytes: number,
  into: Uint8Array,
): Promise<readonly LostRow[]> {
  const lost: LostRow[] = [];
  // In the order of the disk; reading ahead then works.
  wanted.sort((a, b) => a.pack - b.pack || a.row - b.row);
  const runs = runsOf(wanted, Math.max(1, Math.floor(MOST_AT_ONCE / rowBytes)));
  await Promise.all(runs.map((run) => readRun(run, `${pathOf(run[0]?.pack ?? 0)}.pack`, files, rowBytes, into, lost)));
  return lost;
}

function runsOf(wanted: readonly WantedRow[], most: number): readonly (readonly WantedRow[])[] {
  const runs: WantedRow[][] = [];
  for (const row of wanted) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    const follows = last && last.pack === row.pack && last.row + 1 === row.row && last.to + 1 === row.to;
    if (run && follows && run.length < most) run.push(row);
    else runs.push([row]);
  }
  return runs;
}

async function readRun(
  run: readonly WantedRow[],
  path: string,
  files: OpenFiles,
  rowBytes: number,
  into: Uint8Array,
  lost: LostRow[],
): Promise<void> {
  const [first] = run;
  if (!first) return;
  let got = 0;
  try {
    // Awaited only where too many files are open, so that the read is under way when the caller goes on.
    const taken = files.take(path);
    const descriptor = typeof taken === 'number' ? taken : await taken;
    try {
      got = await readAt(descriptor, into, first.to * rowBytes, run.length * rowBytes, rowOffset(first.row, rowBytes));
    } finally {
      files.giveBack(path);
    }
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    const reason = errno === 'EIO' ? 'damaged' : 'unreadable';
    if (run.length === 1) lost.push({ wanted: first, reason });
    // One bad sector must not cost its neighbours.
    else await Promise.all(run.map((row) => readRun([row], path, files, rowBytes, into, lost)));
    return;
  }
  run.forEach((wanted, i) => {
    const start = wanted.to * rowBytes;
    const whole = got >= (i + 1) * rowBytes && crc32(into.subarray(start, start + rowBytes)) === wanted.crc;
    if (!whole) lost.push({ wanted, reason: 'damaged' });
  });
}

/** Bytes read; fewer than asked for only at the end of the file. */
function readAt(file: number, into: Uint8Array, start: number, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const step = (done: number) => {
      read(file, into, start + done, length - done, position + done, (error, got) => {
        if (error) reject(error);
        else if (got === 0 || done + got === length) resolve(done + got);
        else step(done + got);
      });
    };
    step(0);
  });
}

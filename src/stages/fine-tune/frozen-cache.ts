/** Whether it pays to store what the frozen layers give: bytes to write and read against FLOPs saved. */
import type { FineTuneParams } from './index.ts';

export interface FrozenCost {
  /** Rows that every epoch reads, and those of them not stored yet. */
  readonly rows: number;
  readonly missing: number;
  readonly epochs: number;
  /** Of the frozen layers, for one row. */
  readonly flops: number;
  /** Of their output, for one row. */
  readonly bytes: number;
  readonly augmented: boolean;
  /** Free bytes where the cache lies. */
  readonly free: number;
  /** What the engine was measured to do here, in FLOPs a second, if it was. */
  readonly speed?: number | undefined;
}

export interface FrozenDecision {
  readonly store: boolean;
  /** A sentence with both sides of the account. */
  readonly why: string;
}

/** What two cores and an SSD do at least, on the safe side, where nothing was measured. */
const FLOPS_PER_SECOND = 60e9;
const WRITTEN_PER_SECOND = 300e6;
const READ_PER_SECOND = 1e9;

export function decideFrozenCache(mode: FineTuneParams['cacheFrozen'], cost: FrozenCost): FrozenDecision {
  const { rows, missing, epochs, flops, bytes, augmented, free, speed = FLOPS_PER_SECOND } = cost;
  if (augmented) return { store: false, why: 'frozen layers run in every epoch: the images are augmented' };
  const account = `frozen layers: ${show(bytes * missing)}B to store and ${show(bytes * rows)}B to read an epoch, against ${show(flops * rows)}FLOP an epoch`;
  const computing = (rows * flops) / speed;
  const reading = (rows * bytes) / READ_PER_SECOND;
  const saved = `, which saves about ${(computing - reading).toPrecision(2)} s an epoch`;
  if (mode !== 'auto')
    return { store: mode === 'always', why: `${account}; cacheFrozen: ${mode}${mode === 'always' ? saved : ''}` };
  const stored = (missing * flops) / speed + (missing * bytes) / WRITTEN_PER_SECOND + epochs * reading;
  const computed = epochs * computing;
  if (stored >= computed) return { store: false, why: `${account}; not stored` };
  if (missing * bytes > free / 2) return { store: false, why: `${account}; not stored, ${show(free)}B are free` };
  return { store: true, why: `${account}; stored${saved}` };
}

function show(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
  const power = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `${Number((value / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

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
}

export interface FrozenDecision {
  readonly store: boolean;
  /** A sentence with both sides of the account. */
  readonly why: string;
}

/** What two cores and an SSD do at least, on the safe side; only their ratio decides. */
const FLOPS_PER_SECOND = 60e9;
const WRITTEN_PER_SECOND = 300e6;
const READ_PER_SECOND = 1e9;

export function decideFrozenCache(mode: FineTuneParams['cacheFrozen'], cost: FrozenCost): FrozenDecision {
  const { rows, missing, epochs, flops, bytes, augmented, free } = cost;
  if (augmented) return { store: false, why: 'frozen layers run in every epoch: the images are augmented' };
  const account = `frozen layers: ${show(bytes * missing)}B to store and ${show(bytes * rows)}B to read an epoch, against ${show(flops * rows)}FLOP an epoch`;
  if (mode !== 'auto') return { store: mode === 'always', why: `${account}; cacheFrozen: ${mode}` };
  const stored =
    (missing * flops) / FLOPS_PER_SECOND +
    (missing * bytes) / WRITTEN_PER_SECOND +
    (epochs * rows * bytes) / READ_PER_SECOND;
  const computed = (epochs * rows * flops) / FLOPS_PER_SECOND;
  if (stored >= computed) return { store: false, why: `${account}; not stored` };
  if (missing * bytes > free / 2) return { store: false, why: `${account}; not stored, ${show(free)}B are free` };
  return { store: true, why: `${account}; stored` };
}

function show(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
  const power = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `${Number((value / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

/** The rows of a source in float64, some at a time, as the solvers take them. */
import { err, ok, type Result } from '../../base/result.ts';
import { type Design, type DesignChunk, MemoryDesign } from '../../classifiers/design.ts';
import { sizeOf } from '../../networks/network.ts';
import type { InputSource } from '../inputs/input-batches.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';

/** Numbers read at once: 32 MB of float64. */
const CHUNK_NUMBERS = 4_194_304;
/** A design up to this many bytes is read once and held. */
const MEMORY_BYTES = 256 * 2 ** 20;

/** Rows of a source in a fixed order, `offset` subtracted from each where it is given. */
export interface OrderedRows {
  readonly source: InputSource;
  readonly order: Uint32Array;
  readonly offset?: Float64Array;
}

type Signal = Pick<RunContext, 'signal'>;

/** Calls `take` with all rows from index `from` on, at most `most` at a time. What it is handed is reused afterwards. */
export async function eachChunk(
  { source, order, offset }: OrderedRows,
  take: (chunk: DesignChunk) => Promise<void> | void,
  { signal }: Signal,
  { from = 0, most = 512 }: { readonly from?: number; readonly most?: number } = {},
): Promise<Result<void, StageFailure>> {
  const width = sizeOf(source.shape);
  const batch = Math.max(1, Math.min(most, Math.floor(CHUNK_NUMBERS / width)));
  const reader = source.open(order.subarray(from), batch);
  const scratch = new Float64Array(batch * width);
  let first = from;
  try {
    for (;;) {
      const next = await reader.next();
      if (!next.ok) return next;
      if (!next.value) return ok(undefined);
      if (signal.aborted) return err({ reason: 'interrupted' });
      const { input, rows } = next.value;
      const numbers = scratch.subarray(0, rows.length * width);
      numbers.set(input.subarray(0, numbers.length));
      if (offset)
        for (let row = 0, i = 0; row < rows.length; row++)
          for (let j = 0; j < width; j++, i++) numbers[i] = (numbers[i] ?? 0) - (offset[j] ?? 0);
      reader.recycle(input);
      await take({ first, count: rows.length, stride: width, width, numbers });
      first += rows.length;
    }
  } finally {
    await reader.close();
  }
}

/** The mean of each feature. */
export async function meanOf(rows: OrderedRows, context: Signal): Promise<Result<Float64Array, StageFailure>> {
  const width = sizeOf(rows.source.shape);
  const sums = new Float64Array(width);
  const read = await eachChunk(
    rows,
    ({ numbers, count }) => {
      for (let row = 0; row < count; row++)
        for (let j = 0; j < width; j++) sums[j] = (sums[j] ?? 0) + (numbers[row * width + j] ?? 0);
    },
    context,
  );
  return read.ok ? ok(sums.map((sum) => sum / rows.order.length)) : read;
}

/** The rows as a design: in memory where they are few, else read in every pass. */
export async function designOf(
  rows: OrderedRows,
  context: Signal,
): Promise<Result<Design<StageFailure>, StageFailure>> {
  const width = sizeOf(rows.source.shape);
  const count = rows.order.length;
  if (count * width * 8 > MEMORY_BYTES)
    return ok({ rows: count, width, each: (take) => eachChunk(rows, take, context) });
  const all = new Float64Array(count * width);
  const read = await eachChunk(rows, ({ first, numbers }) => all.set(numbers, first * width), context);
  if (!read.ok) return read;
  return ok(new MemoryDesign<StageFailure>(all, count, { pause: () => turnOf(context) }));
}

/** Lets the event loop turn, so that an interruption is heard. */
export async function turnOf({ signal }: Signal): Promise<Result<void, StageFailure>> {
  await new Promise((resolve) => setImmediate(resolve));
  return signal.aborted ? err({ reason: 'interrupted' }) : ok(undefined);
}

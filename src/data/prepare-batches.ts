/** Batches of prepared images: decoded several at a time, one batch ahead of whoever reads them. */
import type { Diagnostic } from '../base/diagnostic.ts';
import { ok, type Result } from '../base/result.ts';
import { drawChange } from '../images/augment.ts';
import { type PixelSpec, preparedSize, type SettledPixels } from '../images/pixel-spec.ts';
import { prepare } from '../images/prepare.ts';
import type { ImageSource } from './image-source.ts';
import type { RowTable } from './row-table.ts';

export interface PreparedBatch {
  /** [rows.length, height, width, channels]; longer where images were skipped: then the rest means nothing. */
  readonly input: Float32Array<ArrayBuffer>;
  /** Rows of the table. */
  readonly rows: readonly number[];
  /** Images that could not be read, where `onBadImage: skip` leaves them out. */
  readonly skipped: readonly { readonly row: number; readonly diagnostic: Diagnostic }[];
}

export interface PrepareOptions {
  readonly table: RowTable;
  /** Rows of the table, in the order wanted. */
  readonly order: ArrayLike<number>;
  readonly batch: number;
  readonly spec: SettledPixels;
  readonly source: ImageSource;
  readonly signal: AbortSignal;
  /** Where the images are augmented as the spec says: what the draws are keyed by, besides the image. */
  readonly draws?: { readonly seed: number; readonly epoch: number } | undefined;
}

/** libvips decodes on libuv's threads; more in flight than those only costs memory. */
const IN_FLIGHT = 8;

/** Batches in order; the next one is prepared while one is used. Ends early on the signal. */
export async function* prepareBatches(options: PrepareOptions): AsyncGenerator<Result<PreparedBatch, Diagnostic>> {
  const { order, batch, signal } = options;
  let ahead = prepareBatch(options, 0);
  for (let at = 0; at < order.length && !signal.aborted; at += batch) {
    const made = await ahead;
    if (at + batch < order.length) ahead = prepareBatch(options, at + batch);
    yield made;
    if (!made.ok) break;
  }
  await ahead;
}

async function prepareBatch(
  { table, order, batch, spec, source, draws }: PrepareOptions,
  from: number,
): Promise<Result<PreparedBatch, Diagnostic>> {
  const size = preparedSize(spec);
  const wanted = Array.from({ length: Math.min(batch, order.length - from) }, (_, i) => order[from + i] ?? 0);
  const input = new Float32Array(wanted.length * size);
  const problems: (Diagnostic | undefined)[] = new Array(wanted.length).fill(undefined);
  let next = 0;
  const work = async () => {
    for (let i = next++; i < wanted.length; i = next++) {
      const row = wanted[i] ?? 0;
      const stored = await source.read(table.partOf(row), table.name(row), table.digest(row));
      const change = spec.augment && draws && drawChange(spec.augment, spec, { ...draws, image: table.key(row) });
      const prepared = stored.ok ? await prepare(stored.value, spec, input, i * size, change ?? undefined) : stored;
      if (!prepared.ok) problems[i] = prepared.error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, wanted.length) }, work));
  const first = problems.find((found) => found !== undefined);
  if (first && spec.onBadImage === 'fail') return { ok: false, error: first };
  return ok(first ? compacted(input, wanted, problems, size) : { input, rows: wanted, skipped: [] });
}

/** Moves the good images together. */
function compacted(
  input: Float32Array<ArrayBuffer>,
  wanted: readonly number[],
  problems: readonly (Diagnostic | undefined)[],
  size: number,
): PreparedBatch {
  const rows: number[] = [];
  const skipped: { row: number; diagnostic: Diagnostic }[] = [];
  wanted.forEach((row, i) => {
    const diagnostic = problems[i];
    if (diagnostic) skipped.push({ row, diagnostic });
    else {
      if (rows.length !== i) input.copyWithin(rows.length * size, i * size, (i + 1) * size);
      rows.push(row);
    }
  });
  return { input, rows, skipped };
}

/** A spec with its normalization in place of `backbone`. */
export function settle(spec: PixelSpec, values: SettledPixels['normalize']): SettledPixels {
  return { ...spec, normalize: spec.normalize === 'backbone' ? values : spec.normalize };
}

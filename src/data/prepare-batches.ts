/** Batches of prepared images, some of them ahead of whoever reads them. */
import type { Diagnostic } from '../base/diagnostic.ts';
import { ok, type Result } from '../base/result.ts';
import { type PixelSpec, preparedSize, type SettledPixels } from '../images/pixel-spec.ts';
import type { ImageSource } from './image-source.ts';
import { type ImageGroup, type PreparedImages, prepareImages, type WantedImage } from './prepare-images.ts';
import { prepareThreads } from './prepare-threads.ts';
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
  readonly draws?: ImageGroup['draws'];
  /** Inputs that nobody reads any more, whose memory is used again: fresh memory costs as much as a small image. */
  readonly idle?: Float32Array<ArrayBuffer>[];
}

type Prepare = (group: ImageGroup) => Promise<Result<PreparedImages, Diagnostic>>;

interface Preparer {
  readonly prepare: Prepare;
  /** Batches begun before they are asked for. */
  readonly ahead: number;
}

/** Fewer images, or numbers a batch, are prepared before threads have started, or while they are told to. */
const WORTH_THREADS = { images: 128, numbers: 1 << 19 };
/** Batches that are ready hold no more memory than this, but for one. */
const MOST_AHEAD_BYTES = 64 << 20;

function preparerFor({ order, batch, spec }: PrepareOptions): Preparer {
  const numbers = batch * preparedSize(spec);
  if (order.length < WORTH_THREADS.images || numbers < WORTH_THREADS.numbers)
    return { prepare: async (group) => ok(await prepareImages(group)), ahead: 1 };
  const threads = prepareThreads();
  return {
    prepare: (group) => threads.prepare(group),
    ahead: Math.max(1, Math.min(threads.count + 1, Math.floor(MOST_AHEAD_BYTES / (numbers * 4)))),
  };
}

/** Batches in order. Ends early on the signal. */
export async function* prepareBatches(options: PrepareOptions): AsyncGenerator<Result<PreparedBatch, Diagnostic>> {
  const { order, batch, signal } = options;
  const { prepare, ahead } = preparerFor(options);
  const begun: Promise<Result<PreparedBatch, Diagnostic>>[] = [];
  let at = 0;
  const begin = () => {
    for (; begun.length <= ahead && at < order.length; at += batch) {
      const made = prepareBatch(options, at, prepare);
      // A bug is thrown where the batch is awaited.
      made.catch(() => {});
      begun.push(made);
    }
  };
  try {
    for (begin(); begun.length > 0 && !signal.aborted; begin()) {
      const made = await begun[0];
      begun.shift();
      begin();
      if (made) yield made;
      if (!made?.ok) break;
    }
  } finally {
    await Promise.allSettled(begun);
  }
}

async function prepareBatch(
  { table, order, batch, spec, source, draws, idle }: PrepareOptions,
  from: number,
  prepare: Prepare,
): Promise<Result<PreparedBatch, Diagnostic>> {
  const rows = Array.from({ length: Math.min(batch, order.length - from) }, (_, i) => order[from + i] ?? 0);
  const images = await Promise.all(rows.map((row) => wantedImage(table, row, source)));
  const prepared = await prepare({ images, spec, draws, into: idle?.pop() });
  if (!prepared.ok) return prepared;
  const { input, problems } = prepared.value;
  const [first] = problems;
  if (first && spec.onBadImage === 'fail') return { ok: false, error: first.diagnostic };
  return ok(first ? compacted(prepared.value, rows, preparedSize(spec)) : { input, rows, skipped: [] });
}

async function wantedImage(table: RowTable, row: number, source: ImageSource): Promise<WantedImage> {
  const digest = table.digest(row);
  const [part, name] = [table.partOf(row), table.name(row)];
  return { digest, from: source.fileOf?.(part, name, digest) ?? (await source.read(part, name, digest)) };
}

/** Moves the good images together. */
function compacted({ input, problems }: PreparedImages, wanted: readonly number[], size: number): PreparedBatch {
  const bad = new Map(problems.map(({ place, diagnostic }) => [place, diagnostic]));
  const rows: number[] = [];
  const skipped: { row: number; diagnostic: Diagnostic }[] = [];
  wanted.forEach((row, i) => {
    const diagnostic = bad.get(i);
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

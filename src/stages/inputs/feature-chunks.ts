/** Stored features, some rows at a time, for whatever writes them to a file. */
import { err, ok, type Result } from '../../base/result.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { NpyWriter } from '../../files/npy.ts';
import type { SafetensorsWriter } from '../../files/safetensors.ts';
import { type Shape, sizeOf } from '../../networks/network.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import type { FeatureSource } from './feature-source.ts';

/** Numbers read at once: 16 MB of float32. */
const CHUNK_NUMBERS = 4_194_304;

/** The features of some rows of a table. */
export class FeatureChunks {
  readonly shape: Shape;
  readonly table: RowTable;
  readonly rows: Uint32Array;
  readonly #source: FeatureSource;
  readonly #context: Pick<RunContext, 'progress' | 'signal'>;

  constructor(
    source: FeatureSource,
    table: RowTable,
    rows: Uint32Array,
    context: Pick<RunContext, 'progress' | 'signal'>,
  ) {
    this.shape = source.shape;
    this.table = table;
    this.rows = rows;
    this.#source = source;
    this.#context = context;
  }

  /** Calls `take` with consecutive rows and their numbers, `[rows, …shape]`. */
  async each(
    take: (rows: Uint32Array, numbers: Float32Array) => Promise<void> | void,
  ): Promise<Result<void, StageFailure>> {
    const width = sizeOf(this.shape);
    const reader = this.#source.open(this.rows, Math.max(1, Math.floor(CHUNK_NUMBERS / width)));
    let done = 0;
    try {
      for (;;) {
        const next = await reader.next();
        if (!next.ok) return next;
        if (!next.value) return ok(undefined);
        if (this.#context.signal.aborted) return err({ reason: 'interrupted' });
        const { input, rows } = next.value;
        await take(rows, input.subarray(0, rows.length * width));
        reader.recycle(input);
        done += rows.length;
        this.#context.progress(done, this.rows.length);
      }
    } finally {
      await reader.close();
    }
  }
}

/** Writes all chunks and makes the file appear. */
export async function writeNumbers(
  writer: NpyWriter | SafetensorsWriter,
  chunks: FeatureChunks,
): Promise<Result<void, StageFailure>> {
  try {
    const written = await chunks.each((_rows, numbers) => writer.write(numbers));
    if (written.ok) writer.commit();
    return written;
  } finally {
    writer.discard();
  }
}

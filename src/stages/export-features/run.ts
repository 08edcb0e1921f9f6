import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { type RowTable, UNLABELLED } from '../../data/row-table.ts';
import { AtomicFile } from '../../files/atomic-file.ts';
import { csvCell } from '../../files/csv-cell.ts';
import { NpyWriter } from '../../files/npy.ts';
import { SafetensorsWriter } from '../../files/safetensors.ts';
import { type Shape, sizeOf } from '../../networks/network.ts';
import { chosenRows } from '../chosen-rows.ts';
import { type FeatureSource, openFeatures } from '../feature-source.ts';
import type { RunContext, StageBody, StageFailure } from '../stage-kind.ts';
import type { ExportFeaturesParams } from './index.ts';

/** Numbers read at once: 16 MB of float32. */
const CHUNK_NUMBERS = 4_194_304;

export const body: StageBody<ExportFeaturesParams> = {
  async run(params, context) {
    const opened = await openFeatures('data', context);
    if (!opened.ok) return opened;
    const { source, table, space } = opened.value;
    try {
      const rows = chosenRows(table, params.on);
      if (rows.length === 0) {
        return err({
          reason: 'diagnostics',
          diagnostics: [
            problem('S021', `there are no ${params.on} rows to export`, { help: 'choose the split with `on:`' }),
          ],
        });
      }
      const chunks = new FeatureChunks(source, table, rows, context);
      const numbers = join(context.checkpoints, `features.${params.format}`);
      mkdirSync(context.checkpoints, { recursive: true });
      const written = await writers[params.format](numbers, chunks);
      if (!written.ok) return written;
      const outputs = [{ name: `features.${params.format}`, blob: await context.blobs.putFile(numbers) }];
      if (params.format !== 'parquet') {
        const csv = join(context.checkpoints, 'features.csv');
        writeRows(csv, table, rows);
        outputs.push({ name: 'features.csv', blob: await context.blobs.putFile(csv) });
      }
      return ok({ artifacts: { files: { type: 'files', outputs } } });
    } finally {
      await space.close();
    }
  },
};

/** The features to export, some rows at a time. */
class FeatureChunks {
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

type Write = (path: string, chunks: FeatureChunks) => Promise<Result<void, StageFailure>>;

const writers: Readonly<Record<ExportFeaturesParams['format'], Write>> = {
  npy: (path, chunks) =>
    writeNumbers(new NpyWriter(path, [chunks.rows.length, ...chunks.shape], 'float32', { flush: false }), chunks),
  safetensors: (path, chunks) => {
    const plan = { name: 'features', dtype: 'F32', shape: [chunks.rows.length, ...chunks.shape] } as const;
    const metadata = { classes: JSON.stringify(chunks.table.classes) };
    return writeNumbers(new SafetensorsWriter(path, [plan], { flush: false, metadata }), chunks);
  },
  parquet: writeParquet,
};

async function writeNumbers(
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

/** One row group a chunk: `name`, `split`, `label` (null where there is none) and `features`, a flat list of float32. */
async function writeParquet(path: string, chunks: FeatureChunks): Promise<Result<void, StageFailure>> {
  const { fileWriter, ParquetWriter } = await import('hyparquet-writer');
  const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8' } as const;
  const writer = new ParquetWriter({
    writer: fileWriter(path),
    schema: [
      { name: 'root', num_children: 4 },
      { name: 'name', ...text, repetition_type: 'REQUIRED' },
      { name: 'split', ...text, repetition_type: 'REQUIRED' },
      { name: 'label', ...text, repetition_type: 'OPTIONAL' },
      { name: 'features', converted_type: 'LIST', repetition_type: 'REQUIRED', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
    ],
  });
  const { table } = chunks;
  const width = sizeOf(chunks.shape);
  const written = await chunks.each((rows, numbers) => {
    const columns = [
      { name: 'name', data: Array.from(rows, (row) => table.name(row)) },
      { name: 'split', data: Array.from(rows, (row) => table.splitOf(row)) },
      { name: 'label', data: Array.from(rows, (row) => labelOf(table, row) ?? null) },
      { name: 'features', data: Array.from(rows, (_, i) => Array.from(numbers.subarray(i * width, (i + 1) * width))) },
    ];
    return writer.write({ columnData: columns });
  });
  if (written.ok) await writer.finish();
  return written;
}

/** `name,split,label`, one line a row, in the order of the numbers. */
function writeRows(path: string, table: RowTable, rows: Uint32Array): void {
  const file = new AtomicFile(path, { flush: false });
  try {
    file.write(Buffer.from('name,split,label\n'));
    for (let at = 0; at < rows.length; at += 4096) {
      const lines = Array.from(
        rows.subarray(at, at + 4096),
        (row) => `${csvCell(table.name(row))},${table.splitOf(row)},${csvCell(labelOf(table, row) ?? '')}\n`,
      );
      file.write(Buffer.from(lines.join('')));
    }
    file.commit();
  } finally {
    file.discard();
  }
}

function labelOf(table: RowTable, row: number): string | undefined {
  const label = table.label[row] ?? UNLABELLED;
  return label === UNLABELLED ? undefined : table.classes[label];
}

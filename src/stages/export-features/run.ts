import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { NpyWriter } from '../../files/npy.ts';
import { SafetensorsWriter } from '../../files/safetensors.ts';
import { sizeOf } from '../../networks/network.ts';
import { chosenRows } from '../inputs/chosen-rows.ts';
import { FeatureChunks, writeNumbers } from '../inputs/feature-chunks.ts';
import { openFeatures } from '../inputs/feature-source.ts';
import { labelOf, writeRowsCsv } from '../rows-csv.ts';
import type { StageBody, StageFailure } from '../stage-kind.ts';
import type { ExportFeaturesParams } from './index.ts';

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
        writeRowsCsv(csv, table, rows);
        outputs.push({ name: 'features.csv', blob: await context.blobs.putFile(csv) });
      }
      return ok({ artifacts: { files: { type: 'files', outputs } } });
    } finally {
      await space.close();
    }
  },
};

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

/** The table of a sweep as a file for other programs. */
import type { Json } from '../base/json.ts';
import { csvCell } from '../files/csv-cell.ts';
import type { TrialTable } from './trial-table.ts';

export const exportFormats = ['csv', 'json', 'parquet'] as const;

export async function encodeTrials(
  { columns, rows }: TrialTable,
  format: (typeof exportFormats)[number],
): Promise<Uint8Array> {
  if (format === 'csv') {
    const lines = [columns, ...rows].map((row) =>
      row.map((cell) => csvCell(cell === null ? '' : textOf(cell))).join(','),
    );
    return Buffer.from(`${lines.join('\n')}\n`);
  }
  if (format === 'json') {
    const objects = rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i] ?? null])));
    return Buffer.from(`${JSON.stringify(objects, undefined, 2)}\n`);
  }
  const { parquetWriteBuffer } = await import('hyparquet-writer');
  const columnData = columns.map((name, i) => {
    const cells = rows.map((row) => row[i] ?? null);
    const numeric = cells.every((cell) => cell === null || typeof cell === 'number');
    return numeric
      ? { name, data: cells, type: 'DOUBLE' as const, nullable: true }
      : {
          name,
          data: cells.map((cell) => (cell === null ? null : textOf(cell))),
          type: 'STRING' as const,
          nullable: true,
        };
  });
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

function textOf(cell: Json): string {
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
}

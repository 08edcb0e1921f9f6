/** The rows of a table as CSV. */
import { type RowTable, UNLABELLED } from '../data/row-table.ts';
import { AtomicFile } from '../files/atomic-file.ts';
import { csvCell } from '../files/csv-cell.ts';

/** `name,split,label`, one line a row, in the order of the numbers. */
export function writeRowsCsv(path: string, table: RowTable, rows: Uint32Array): void {
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

/** The label's text, or undefined where the row has none. */
export function labelOf(table: RowTable, row: number): string | undefined {
  const label = table.label[row] ?? UNLABELLED;
  return label === UNLABELLED ? undefined : table.classes[label];
}

/** Which rows a stage with `on:` takes. */
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { type RowTable, SPLITS, type Split, UNLABELLED } from '../../data/row-table.ts';

export type RowChoice = Split | 'all';
export const rowChoices: readonly RowChoice[] = [...SPLITS, 'all'];

/** Rows of a split, or all, in table order: that of the file for test rows. */
export function chosenRows(table: RowTable, on: RowChoice): Uint32Array {
  return on === 'all' ? Uint32Array.from({ length: table.count }, (_, row) => row) : table.rowsOf(on);
}

/** The labelled ones among them, or why there are none. */
export function labelledChoice(table: RowTable, on: RowChoice): Result<Uint32Array, Diagnostic> {
  const chosen = chosenRows(table, on);
  const labelled = chosen.filter((row) => table.label[row] !== UNLABELLED);
  if (labelled.length > 0) return ok(labelled);
  const what =
    on === 'all'
      ? 'no row has a label'
      : chosen.length === 0
        ? `there are no ${on} rows`
        : `none of the ${chosen.length} ${on} rows has a label`;
  const counts = SPLITS.map(
    (split) => `${labelledCount(table, split)} of ${table.rowsOf(split).length} ${split} rows`,
  ).join(', ');
  return err(problem('S021', what, { help: `labelled are ${counts}; choose the split with \`on:\`` }));
}

function labelledCount(table: RowTable, split: Split): number {
  return table.rowsOf(split).filter((row) => table.label[row] !== UNLABELLED).length;
}

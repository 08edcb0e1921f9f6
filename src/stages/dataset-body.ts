/** The body of every kind that gives a data set: the rows are known since the plan; a run stores them. */
import { type Diagnostic, problem, warning } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import { type RowTable, SPLITS } from '../data/row-table.ts';
import type { DatasetArtifact } from './artifacts.ts';
import type { RunContext, StageBody, StageFailure, StageOutcome } from './stage-kind.ts';

export const datasetBody: StageBody = {
  async run(_params, context) {
    const rows = await context.resolved.rows?.();
    if (!rows) throw new Error(`${context.stage} has no rows`);
    return rows.ok ? storeRows(rows.value, context) : err({ reason: 'diagnostics', diagnostics: rows.error });
  },
};

/** Stores a table as the stage's artifact, with warnings about classes that a split lacks. */
export async function storeRows(table: RowTable, context: RunContext): Promise<Result<StageOutcome, StageFailure>> {
  for (const diagnostic of gaps(table)) context.warn(diagnostic);
  const dataset: DatasetArtifact = {
    type: 'dataset',
    classes: table.classes,
    counts: {
      train: table.rowsOf('train').length,
      validation: table.rowsOf('validation').length,
      test: table.rowsOf('test').length,
    },
    rows: await context.blobs.put(table.encode()),
  };
  return ok({ artifacts: { dataset } });
}

/** Classes that appear in some labelled split and not in another one. */
function gaps(table: RowTable): readonly Diagnostic[] {
  return SPLITS.flatMap((split) => {
    const labels = [...table.rowsOf(split)].map((row) => table.label[row] ?? -1).filter((label) => label >= 0);
    if (labels.length === 0 || split === 'test') return [];
    const present = new Set(labels);
    const missing = table.classes.filter((_, label) => !present.has(label));
    return missing.length === 0
      ? []
      : [
          warning(
            'D017',
            `the ${split} split has no image of ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ' …' : ''}`,
            { help: 'use more rows, or `stratify: true`' },
          ),
        ];
  });
}

export function noRows(what: string): Diagnostic {
  return problem('D015', what, { help: 'a data set needs labelled images of at least two classes' });
}

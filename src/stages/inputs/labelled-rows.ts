/** The rows that a training learns from and is checked on, and what they weigh. */
import { type Diagnostic, problem, warning } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { type RowTable, type Split, UNLABELLED } from '../../data/row-table.ts';
import { countClasses } from '../../metrics/baseline.ts';
import type { ClassWeights } from '../training/training-settings.ts';

export interface TrainingRows {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
}

/** Labelled rows of a split, in table order. */
export function labelledRows(table: RowTable, split: Split): Uint32Array {
  return table.rowsOf(split).filter((row) => (table.label[row] ?? UNLABELLED) !== UNLABELLED);
}

/** The class of each row. */
export function labelsOf({ label }: RowTable, rows: Uint32Array): Int32Array {
  const labels = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) labels[i] = label[rows[i] ?? 0] ?? 0;
  return labels;
}

/** The rows of a training, or why there is nothing to learn from them. */
export function trainingRows(
  table: RowTable,
  warn: (diagnostic: Diagnostic) => void,
): Result<TrainingRows, Diagnostic> {
  const train = labelledRows(table, 'train');
  if (train.length === 0) {
    return err(
      problem('S011', 'no row of the training split has a label', {
        help: 'the train CSV needs a label column, and the split must leave rows to train on',
      }),
    );
  }
  const counts = classCounts(table, train);
  const present = table.classes.filter((_, c) => (counts[c] ?? 0) > 0);
  if (present.length === 1) {
    return err(
      problem('S011', `all ${train.length} training rows are of the class ${JSON.stringify(present[0])}`, {
        help: 'a classifier needs at least two classes',
      }),
    );
  }
  const absent = table.classes.filter((_, c) => counts[c] === 0);
  if (absent.length > 0) {
    const named = absent
      .slice(0, 5)
      .map((name) => JSON.stringify(name))
      .join(', ');
    warn(
      warning(
        'S012',
        `${absent.length} of ${table.classes.length} classes have no training rows: ${named}${absent.length > 5 ? ', …' : ''}`,
        {
          help: 'add rows of them to the training split, or let the split stage stratify',
        },
      ),
    );
  }
  return ok({ train, validation: labelledRows(table, 'validation') });
}

/** Rows of each class among `rows`. */
function classCounts(table: RowTable, rows: Uint32Array): Float64Array {
  return countClasses(
    Array.from(rows, (row) => table.label[row] ?? UNLABELLED),
    table.classes.length,
  );
}

/** The weight of each class in the loss, or undefined where all weigh 1. */
export function classWeightValues(
  weights: ClassWeights,
  table: RowTable,
  train: Uint32Array,
): Result<Float64Array | undefined, Diagnostic> {
  if (weights === 'none') return ok(undefined);
  const { classes } = table;
  if (weights === 'balanced') {
    const counts = classCounts(table, train);
    const present = counts.filter((count) => count > 0).length;
    return ok(counts.map((count) => (count === 0 ? 0 : train.length / (present * count))));
  }
  const unknown = Object.keys(weights).find((name) => !classes.includes(name));
  if (unknown !== undefined) {
    const known = classes
      .slice(0, 20)
      .map((name) => JSON.stringify(name))
      .join(', ');
    return err(
      problem('S013', `classWeights: there is no class ${JSON.stringify(unknown)}`, {
        help: `the classes are ${known}${classes.length > 20 ? ', …' : ''}`,
      }),
    );
  }
  return ok(Float64Array.from(classes, (name) => (Object.hasOwn(weights, name) ? (weights[name] ?? 1) : 1)));
}

/** The training rows of a classifier in an order of their own, and the classes among them. */
import type { RowTable } from '../../data/row-table.ts';

export interface ClassRows {
  /** Rows of the table. */
  readonly order: Uint32Array;
  /** The classes that have rows, as indices into the table's. */
  readonly present: readonly number[];
  /** Index into `present` a row. */
  readonly labels: Int32Array;
  /** The part that a row is left out with, 0 … FOLDS − 1. Rows of one image are in one part. */
  readonly folds: Uint8Array;
}

/** Parts of the cross-validation that probabilities are calibrated on, as scikit-learn's default. */
export const FOLDS = 5;

/** `order` must not hang on the table's order, and keep rows of one image together. */
export function classRows(table: RowTable, order: Uint32Array): ClassRows {
  const classes = [...new Set(Array.from(order, (row) => table.label[row] ?? 0))].sort((a, b) => a - b);
  const indices = new Map(classes.map((c, i) => [c, i]));
  const labels = Int32Array.from(order, (row) => indices.get(table.label[row] ?? 0) ?? 0);
  return { order, present: classes, labels, folds: stratifiedFolds(table, order, labels, classes.length) };
}

/** Deals each class's images out in order, going on with the next class where the last one ended, so that parts are of one size. */
function stratifiedFolds(table: RowTable, order: Uint32Array, labels: Int32Array, classes: number): Uint8Array {
  const folds = new Uint8Array(order.length);
  let dealt = 0;
  for (let c = 0; c < classes; c++) {
    let before: number | undefined;
    labels.forEach((label, i) => {
      if (label !== c) return;
      const row = order[i] ?? 0;
      if (before !== undefined && Buffer.compare(table.key(before), table.key(row)) !== 0) dealt++;
      before = row;
      folds[i] = dealt % FOLDS;
    });
    dealt++;
  }
  return folds;
}

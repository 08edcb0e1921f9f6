/** How good the weights of a training session are on rows that it does not learn from. */
import { ok, type Result } from '../../base/result.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { TrainSession } from '../../engines/engine.ts';
import { CompensatedSum } from '../../metrics/compensated-sum.ts';
import { predictedClass, probabilityAt } from '../../metrics/scored-batch.ts';
import type { EpochRecord } from '../artifacts.ts';
import type { InputSource } from '../inputs/input-batches.ts';
import { labelsOf } from '../inputs/labelled-rows.ts';
import type { StageFailure } from '../stage-kind.ts';

export type ValidationFigures = Pick<EpochRecord, 'validation-loss' | 'validation-accuracy'>;

export interface ValidationRows {
  readonly table: RowTable;
  readonly order: Uint32Array;
  readonly inputs: InputSource;
  readonly batch: number;
  readonly signal: AbortSignal;
}

/** The smallest normal float32: a probability that underflowed to 0 still has a finite loss. */
const SMALLEST_PROBABILITY = 2 ** -126;

/**
 * Mean −ln p of the true class in nats, without regularization, and the share of right answers. Nothing where there are no
 * rows; stops early on the signal.
 */
export async function validate(
  session: TrainSession,
  { table, order, inputs, batch, signal }: ValidationRows,
): Promise<Result<ValidationFigures, StageFailure>> {
  if (order.length === 0) return ok({});
  const reader = inputs.open(order, batch, undefined, true);
  const loss = new CompensatedSum();
  let right = 0;
  let seen = 0;
  try {
    while (!signal.aborted) {
      const next = await reader.next();
      if (!next.ok) return next;
      if (!next.value) break;
      const { rows, ...batch } = next.value;
      if (rows.length === 0) continue;
      const labels = labelsOf(table, rows);
      const probabilities = await session.predict({ ...batch, rows: rows.length });
      reader.recycle(batch.input);
      const scored = { probabilities, labels, rows: rows.length, classes: table.classes.length };
      labels.forEach((label, row) => {
        loss.add(-Math.log(Math.max(probabilityAt(scored, row, label), SMALLEST_PROBABILITY)));
        if (predictedClass(scored, row) === label) right++;
      });
      seen += rows.length;
    }
  } finally {
    await reader.close();
  }
  return ok(seen === 0 ? {} : { 'validation-loss': loss.value / seen, 'validation-accuracy': right / seen });
}

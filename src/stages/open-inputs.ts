/** Whatever a model can read at a port, as a source of batches. */
import type { Result } from '../base/result.ts';
import { ok } from '../base/result.ts';
import type { RowTable } from '../data/row-table.ts';
import { openFeatures } from './feature-source.ts';
import type { InputSource } from './input-batches.ts';
import type { RunContext, StageFailure } from './stage-kind.ts';

export interface OpenInputs {
  readonly source: InputSource;
  readonly table: RowTable;
  close(): Promise<void>;
}

export async function openInputs(port: string, context: RunContext): Promise<Result<OpenInputs, StageFailure>> {
  const opened = await openFeatures(port, context);
  if (!opened.ok) return opened;
  const { source, table, space } = opened.value;
  return ok({ source, table, close: () => space.close() });
}

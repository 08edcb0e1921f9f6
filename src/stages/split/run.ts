import { err } from '../../base/result.ts';
import { storeRows } from '../dataset-body.ts';
import type { StageBody } from '../stage-kind.ts';
import type { SplitParams } from './index.ts';
import { splitRows } from './split-rows.ts';

export const body: StageBody<SplitParams> = {
  async run(params, context) {
    const table = await context.rowTable(context.input('data', 'dataset').rows);
    const rows = splitRows(params, table, context.seed);
    return rows.ok ? storeRows(rows.value, context) : err({ reason: 'diagnostics', diagnostics: rows.error });
  },
};

/** Which stages of a plan `precision: int8` would make faster on this machine. */
import type { PlannedStage } from '../plan/plan.ts';
import { type Int8Option, int8Option } from '../runs/int8-option.ts';
import type { RowCounts } from '../stages/stage-kind.ts';

export interface CountedStage {
  readonly stage: PlannedStage;
  readonly rows: RowCounts | undefined;
}

/**
 * What was measured is looked up only where there is a stage that it is about, so that other plans stay as quick as they are.
 * @param predicted milliseconds by earlier runs
 */
export async function int8Options(
  stages: readonly CountedStage[],
  predicted: ReadonlyMap<PlannedStage, number>,
): Promise<ReadonlyMap<PlannedStage, Int8Option>> {
  const options = new Map<PlannedStage, Int8Option>();
  const asked = stages.flatMap(({ stage, rows }) => {
    const count = rows ? rows.total - rows.cached : 0;
    return stage.status === 'run' && rows?.forward && count > 0 ? [{ stage, count, forward: rows.forward }] : [];
  });
  if (asked.length === 0) return options;
  const { engineAdapters } = await import('../engines/index.ts');
  const { pickEngine } = await import('../engines/choose-engine.ts');
  const { readMeasured } = await import('../engines/measured.ts');
  const all = readMeasured();
  const { engine, device = 'cpu' } = pickEngine(engineAdapters, undefined, all);
  // Other engines have no int8, and a GPU that is faster than the CPU needs none.
  if (engine !== 'ort' || device !== 'cpu') return options;
  const stamp = engineAdapters.find(({ id }) => id === engine)?.stamp();
  const measured = all.find((one) => one.engine === engine && one.device === device && one.stamp === stamp);
  for (const { stage, count, forward } of asked) {
    const option = int8Option({ ...forward, rows: count, predictedMs: predicted.get(stage) }, measured);
    if (option) options.set(stage, option);
  }
  return options;
}

/** What becomes of a lock file after a run. */
import type { Plan } from '../plan/plan.ts';
import { compareLocks, matters } from './compare-locks.ts';
import type { LockFile } from './lock-file.ts';

/**
 * The lock that a run leaves: blocks of stages that did not take part stay as long as the pipeline has them, and so do blocks
 * from which only the engine, or a metric within the tolerance, differs: other machines do not take turns in rewriting them.
 */
export function mergedLock(before: LockFile | undefined, now: LockFile, plan: Plan, tolerance: number): LockFile {
  if (!before) return now;
  const stages = plan.config.stages.flatMap(({ name }) => {
    const [old, made] = [before.stages.get(name), now.stages.get(name)];
    if (!old || !made) return old || made ? [[name, made ?? old] as const] : [];
    const alone = { pipeline: '', overrides: {} };
    const changed = compareLocks(
      { ...alone, stages: new Map([[name, old]]) },
      { ...alone, stages: new Map([[name, made]]) },
      { tolerance, beforeRun: true },
    );
    // Rows that were all there already name no engine.
    return [[name, changed.some(matters) ? { ...made, engine: made.engine ?? old.engine } : old] as const];
  });
  return { ...now, stages: new Map(stages.flatMap(([name, stage]) => (stage ? [[name, stage] as const] : []))) };
}

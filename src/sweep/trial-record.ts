/** A trial as the run that it would be alone: what other tools are given. */
import type { Plan, PlannedStage } from '../plan/plan.ts';
import { stageOf } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import { detailsOf, type RunDetails } from '../runs/run-details.ts';
import { type RunRecord, runRecordOf } from '../runs/run-record.ts';
import type { RunOutcomeName, RunSummary } from '../scheduler/events.ts';
import type { PlannedTrial, SweepPlan } from './plan-trials.ts';
import type { Setting } from './space.ts';

export interface TrialRun {
  readonly record: RunRecord;
  details(): RunDetails;
}

/** One run a seed, called `<sweep>.<trial>`, or `<sweep>.<trial>.<run>` where a trial has several. */
export function trialRuns(
  { trial, stages }: PlannedTrial,
  { plan }: SweepPlan,
  summary: RunSummary,
  workspace: Workspace,
  startedAt: Date,
): readonly TrialRun[] {
  return stages.map((names, i) => {
    const alone = planAlone(plan, names, trial.runs[i] ?? trial.settings);
    const own = new Map(names.map((name) => [ownName(stageOf(plan, name)), name]));
    const pick = <T>(from: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
      Object.fromEntries(
        [...own].flatMap(([name, inSweep]) => {
          const value = from[inSweep];
          return value === undefined ? [] : [[name, value] as const];
        }),
      );
    const results = pick(summary.stages);
    const outcome = outcomeOf(Object.values(results));
    const run: RunSummary = {
      run: `${summary.run}.${trial.number}${stages.length > 1 ? `.${i + 1}` : ''}`,
      outcome,
      exitCode: outcome === 'succeeded' ? 0 : 1,
      durationMs: Object.values(results).reduce((sum, { durationMs }) => sum + durationMs, 0),
      stages: results,
      metrics: pick(summary.metrics),
      artifacts: {},
    };
    return {
      record: runRecordOf(alone, workspace, run, startedAt, undefined),
      details: () => detailsOf(alone, workspace, null, undefined),
    };
  });
}

function outcomeOf(results: readonly RunSummary['stages'][string][]): RunOutcomeName {
  if (results.some(({ status }) => status === 'failed')) return 'failed';
  const undone = results.some(({ status, reason }) => status === 'skipped' && reason.type !== 'not-needed');
  return undone ? 'interrupted' : 'succeeded';
}

/** The part of a sweep's plan that one run is, with the names that the pipeline file gives. */
function planAlone(plan: Plan, names: readonly string[], settings: readonly Setting[]): Plan {
  const seed = settings.find(({ path }) => path === 'seed')?.value;
  const stages = names.map((name): PlannedStage => {
    const stage = stageOf(plan, name);
    const inputs = Object.entries(stage.inputs).map(
      ([port, input]) => [port, { ...input, stage: ownName(stageOf(plan, input.stage)) }] as const,
    );
    return { ...stage, name: ownName(stage), inputs: Object.fromEntries(inputs) };
  });
  const overrides = {
    ...plan.config.overrides,
    ...Object.fromEntries(settings.map(({ path, value }) => [path, value])),
  };
  return { config: { ...plan.config, overrides, ...(typeof seed === 'number' && { seed }) }, stages };
}

function ownName({ config }: PlannedStage): string {
  return config.name;
}

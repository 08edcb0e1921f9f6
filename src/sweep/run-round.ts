/** Runs trials as one plan, and tells of each as it ends. */
import { noDrafts } from '../plan/make-plan.ts';
import type { RunEvent, RunSummary } from '../scheduler/events.ts';
import { type RunPlanOptions, runPlan } from '../scheduler/run-plan.ts';
import type { Goal } from './goal.ts';
import { type PlanTrialsContext, planTrials, type SweepPlan } from './plan-trials.ts';
import type { SweepEvent } from './run-sweep.ts';
import type { TrialResult } from './trial-result.ts';
import { TrialWatch } from './trial-watch.ts';

export interface RoundOptions extends Omit<RunPlanOptions, 'emit' | 'keepGoing' | 'placesOutputs'> {
  readonly goal: Goal;
  readonly emit: (event: SweepEvent) => void;
  readonly tell: (result: TrialResult) => void;
}

export function runRound(
  { plan, trials }: SweepPlan,
  { workspace }: PlanTrialsContext,
  { goal, tell, ...options }: RoundOptions,
): Promise<RunSummary> {
  const watch = new TrialWatch(trials, goal, tell);
  const emit = (event: RunEvent) => {
    if (event.event === 'run-started' || event.event === 'run-finished') return;
    if (event.event === 'diagnostic') {
      const trial = event.stage === undefined ? undefined : watch.firstWith(event.stage)?.trial;
      options.emit(trial ? { ...event, trial: trial.number } : event);
      return;
    }
    options.emit(event);
    watch.note(event);
  };
  return runPlan(plan, workspace, { ...options, emit, keepGoing: true, placesOutputs: false });
}

/** Scores the trials of a round that was stopped after their trainings and before their metrics, which take a moment. */
export async function scoreTrained(
  { trials }: SweepPlan,
  summary: RunSummary,
  context: PlanTrialsContext,
  options: RoundOptions,
): Promise<RunSummary> {
  const unscored = trials.filter(({ goals }) => goals.some((name) => summary.stages[name]?.status === 'skipped'));
  const again = await planTrials(
    unscored.map(({ trial }) => trial),
    { ...context, memo: noDrafts() },
  );
  if (!again.ok) return summary;
  const { plan } = again.value;
  const slow = new Set(
    plan.stages.flatMap(({ name, status, kind }) =>
      status === 'run' && !Object.values(kind.gives).includes('metrics') ? [name] : [],
    ),
  );
  const trained = again.value.trials.filter(({ stages }) => !stages.flat().some((name) => slow.has(name)));
  const needed = new Set(trained.flatMap(({ stages }) => stages.flat()));
  if (trained.length === 0) return summary;
  const stages = plan.stages.filter(({ name }) => needed.has(name));
  const scored = await runRound({ plan: { ...plan, stages }, trials: trained }, context, options);
  return {
    ...summary,
    stages: { ...summary.stages, ...scored.stages },
    metrics: { ...summary.metrics, ...scored.metrics },
  };
}

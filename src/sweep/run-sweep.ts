/** Runs the trials of a sweep: round by round as the strategy proposes them, each round as one plan. */
import { rmSync } from 'node:fs';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { err, ok, type Result } from '../base/result.ts';
import { EnginePool } from '../scheduler/engine-pool.ts';
import type { Emit, RunEvent, RunOutcomeName, RunSummary } from '../scheduler/events.ts';
import { type RunPlanOptions, runPlan } from '../scheduler/run-plan.ts';
import { lineagesFolder } from '../scheduler/run-stage.ts';
import { type PlannedTrial, type PlanTrialsContext, planTrials, type SweepPlan } from './plan-trials.ts';
import type { Setting } from './space.ts';
import { byScore, type Proposal, type Scored } from './strategy.ts';
import type { Goal, SweepSettings } from './sweep-settings.ts';
import { type Trial, trialOf } from './trial.ts';

/** What became of a trial. */
export interface TrialResult {
  readonly trial: number;
  readonly settings: readonly Setting[];
  readonly status: 'finished' | 'cached' | 'failed' | 'skipped';
  /** Means over the runs of all metrics of the goal's stage. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Of the goal over the runs (n − 1 in the denominator), where there are several. */
  readonly deviation?: number;
  /** Better the smaller; NaN where there is no number. */
  readonly score: number;
  readonly label?: string;
}

export type SweepEvent =
  | RunEvent
  | ({ readonly event: 'trial-finished'; readonly of: number | undefined } & TrialResult);

export interface SweepSummary {
  readonly run: string;
  readonly outcome: RunOutcomeName;
  readonly exitCode: RunSummary['exitCode'];
  readonly durationMs: number;
  readonly stages: RunSummary['stages'];
  readonly trials: readonly TrialResult[];
}

export interface SweepOptions extends Omit<RunPlanOptions, 'emit' | 'engines' | 'placesOutputs' | 'keepGoing'> {
  readonly emit: (event: SweepEvent) => void;
  readonly now: () => number;
}

/** Trials a round where the sweep may end before all are tried. */
const CAREFUL_ROUND = 8;

export async function runSweep(
  settings: SweepSettings,
  context: PlanTrialsContext,
  options: SweepOptions,
): Promise<Result<SweepSummary, readonly Diagnostic[]>> {
  const started = options.now();
  const inner: Emit = (event) => {
    if (event.event !== 'run-started' && event.event !== 'run-finished') options.emit(event);
  };
  const engines = new EnginePool(options, (diagnostic) => inner({ event: 'diagnostic', diagnostic }));
  const results: TrialResult[] = [];
  const tried: Scored[] = [];
  const stages: Record<string, RunSummary['stages'][string]> = {};
  let exitCode: RunSummary['exitCode'] = 0;
  try {
    while (!isOver(settings, results, options.now() - started) && !options.signal.aborted) {
      const proposals = settings.strategy.propose(tried);
      if (proposals.length === 0) break;
      const round = nextRound(settings, proposals, results.length, context);
      const planned = await planTrials(round, context);
      if (!planned.ok) return planned;
      if (results.length === 0) options.emit(startedEvent(planned.value, options.run));
      const lineages = settings.strategyName === 'halving';
      const done = await runRound(planned.value, settings.goal, context, {
        ...options,
        emit: inner,
        engines,
        lineages,
      });
      if (!done.ok) return done;
      const { summary, finished } = done.value;
      Object.assign(stages, summary.stages);
      if (summary.exitCode > 1 && exitCode === 0 && summary.outcome === 'interrupted') exitCode = summary.exitCode;
      finished.forEach((result, i) => {
        const { proposal } = round[i] ?? { proposal: { point: new Map() } };
        results.push(result);
        tried.push({ ...proposal, score: result.score });
        options.emit({ event: 'trial-finished', of: settings.combinations, ...result });
      });
    }
  } finally {
    await engines.close();
    if (!options.signal.aborted) rmSync(lineagesFolder(context.workspace), { recursive: true, force: true });
  }
  const failed = results.some(({ status }) => status === 'failed');
  const outcome: RunOutcomeName = options.signal.aborted ? 'interrupted' : failed ? 'failed' : 'succeeded';
  return ok({
    run: options.run,
    outcome,
    exitCode: outcome === 'failed' ? 1 : exitCode,
    durationMs: Math.round(options.now() - started),
    stages,
    trials: results,
  });
}

/** The trials of a sweep from the start as far as they are known beforehand, for a dry run. */
export function firstTrials(settings: SweepSettings, seed: number): readonly Trial[] {
  const options = { space: settings.space, seeds: settings.seeds, seed };
  return settings.strategy.propose([]).map((proposal, i) => trialOf(i + 1, proposal, options));
}

function nextRound(
  { space, seeds, minutes, noImprovement }: SweepSettings,
  proposals: readonly Proposal[],
  before: number,
  { base }: PlanTrialsContext,
): readonly Trial[] {
  const careful = minutes !== undefined || noImprovement !== undefined;
  const taken = careful ? proposals.slice(0, CAREFUL_ROUND) : proposals;
  return taken.map((proposal, i) => trialOf(before + i + 1, proposal, { space, seeds, seed: base.config.seed }));
}

function isOver({ minutes, noImprovement }: SweepSettings, results: readonly TrialResult[], ms: number): boolean {
  if (minutes !== undefined && ms > minutes * 60_000) return true;
  if (noImprovement === undefined || results.length === 0) return false;
  const best = results.reduce((at, result, i) => (byScore(result, results[at] ?? result) < 0 ? i : at), 0);
  return results.length - 1 - best >= noImprovement;
}

function startedEvent({ plan }: SweepPlan, run: string): RunEvent {
  const stages = plan.stages.map(({ name }) => name);
  return { event: 'run-started', format: 1, pipeline: plan.config.name, run, stages };
}

async function runRound(
  planned: SweepPlan,
  goal: Goal,
  { workspace }: PlanTrialsContext,
  options: Omit<RunPlanOptions, 'keepGoing'>,
): Promise<Result<{ readonly summary: RunSummary; readonly finished: readonly TrialResult[] }, readonly Diagnostic[]>> {
  const summary = await runPlan(planned.plan, workspace, { ...options, keepGoing: true, placesOutputs: false });
  const missing = missingMetric(planned, goal, summary);
  if (missing) return err([missing]);
  return ok({ summary, finished: planned.trials.map((trial) => resultOf(trial, goal, summary)) });
}

function resultOf({ trial, goals, stages }: PlannedTrial, goal: Goal, summary: RunSummary): TrialResult {
  const runs = goals.map((name) => summary.metrics[name] ?? {});
  const scores = runs.map((metrics) => metrics[goal.metric] ?? Number.NaN);
  const results = stages.flat().map((name) => summary.stages[name]);
  const status = results.some((result) => result?.status === 'failed')
    ? 'failed'
    : goals.some((name) => summary.stages[name]?.status === 'skipped')
      ? 'skipped'
      : results.every((result) => result?.status === 'cached' || result?.reason.type === 'not-needed')
        ? 'cached'
        : 'finished';
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const squares = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0);
  return {
    trial: trial.number,
    settings: trial.settings,
    status,
    metrics: meansOf(runs),
    ...(scores.length > 1 && { deviation: Math.sqrt(squares / (scores.length - 1)) }),
    score: goal.direction === 'minimize' ? mean : -mean,
    ...(trial.proposal.label !== undefined && { label: trial.proposal.label }),
  };
}

function meansOf(runs: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const names = Object.keys(runs[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, runs.reduce((sum, metrics) => sum + (metrics[name] ?? Number.NaN), 0) / runs.length]),
  );
}

/** A goal that no trial's metrics hold, although they have some. */
function missingMetric({ trials }: SweepPlan, { stage, metric }: Goal, summary: RunSummary): Diagnostic | undefined {
  const known = trials
    .flatMap(({ goals }) => goals.map((name) => summary.metrics[name]))
    .filter((m) => m !== undefined);
  if (known.length === 0 || known.some((metrics) => Object.hasOwn(metrics, metric))) return undefined;
  const names = Object.keys(known[0] ?? {});
  return problem('P034', `sweep.goal: ${stage} gives no metric "${metric}"`, {
    help: didYouMean(metric, names) ?? `it gives ${names.join(', ')}`,
  });
}

/** Trials from the best to the worst; those of the last rung that they reached come first. */
export function ranked(results: readonly TrialResult[]): readonly TrialResult[] {
  const rung = ({ label }: TrialResult) => (label === undefined ? 0 : Number(label));
  return [...results].sort((a, b) => rung(b) - rung(a) || byScore(a, b) || a.trial - b.trial);
}

/** Runs the trials of a sweep: round by round as the strategy proposes them, each round as one plan. */

import { rmSync } from 'node:fs';
import { type Diagnostic, exitCodeOf, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { RowTraffic } from '../cache/row-store.ts';
import type { MeasuredStage } from '../runs/predict-time.ts';
import { EnginePool } from '../scheduler/engine-pool.ts';
import type { RunEvent, RunOutcomeName, RunSummary } from '../scheduler/events.ts';
import type { RunPlanOptions } from '../scheduler/run-plan.ts';
import { lineagesFolder } from '../scheduler/run-stage.ts';
import { type Goal, missingMetric } from './goal.ts';
import { type PlannedTrial, type PlanTrialsContext, planTrials, type SweepPlan } from './plan-trials.ts';
import { runRound, scoreTrained } from './run-round.ts';
import type { Setting } from './space.ts';
import { byScore, type Proposal, type Scored } from './strategy.ts';
import type { SweepSettings } from './sweep-settings.ts';
import { type Trial, trialOf } from './trial.ts';
import { type TrialResult, trialResult } from './trial-result.ts';

export type SweepEvent =
  | Exclude<RunEvent, { event: 'diagnostic' | 'run-started' }>
  | (Extract<RunEvent, { event: 'run-started' }> & { readonly goal?: Goal })
  /** Of a stage: with the number of the first trial that it belongs to. */
  | (Extract<RunEvent, { event: 'diagnostic' }> & { readonly trial?: number })
  /** A trial of the round that begins, and the stages behind it. */
  | {
      readonly event: 'trial-planned';
      readonly trial: number;
      readonly of: number;
      readonly settings: readonly Setting[];
      readonly stages: readonly string[];
    }
  | ({ readonly event: 'trial-finished'; readonly of: number } & TrialResult);

export interface SweepSummary {
  readonly run: string;
  readonly outcome: RunOutcomeName;
  readonly exitCode: RunSummary['exitCode'];
  readonly durationMs: number;
  readonly stages: RunSummary['stages'];
  readonly trials: readonly TrialResult[];
  /** Bytes of features that were read, and that the trainings would have read one by one. */
  readonly features: RowTraffic;
  /** How long stages took: some of each kind. */
  readonly measured: readonly MeasuredStage[];
}

export interface SweepOptions extends Omit<RunPlanOptions, 'emit' | 'engines' | 'placesOutputs' | 'keepGoing'> {
  readonly emit: (event: SweepEvent) => void;
  /** Keeps a trial that has ended, and hands it to other tools. */
  readonly note: (trial: PlannedTrial, plan: SweepPlan, summary: RunSummary) => Promise<readonly Diagnostic[]>;
  readonly now: () => number;
}

/** What a timer can wait: almost 25 days. */
const MOST_MS = 2 ** 31 - 1;

/** Trials a round where the sweep may end before all are tried. */
const CAREFUL_ROUND = 8;

export async function runSweep(
  settings: SweepSettings,
  context: PlanTrialsContext,
  options: SweepOptions,
): Promise<Result<SweepSummary, readonly Diagnostic[]>> {
  const started = options.now();
  const { traffic } = context.workspace.cache.rowStore;
  const before = { ...traffic };
  const { minutes, combinations } = settings;
  const timeIsUp =
    minutes === undefined ? undefined : AbortSignal.timeout(Math.min(MOST_MS, Math.round(minutes * 60_000)));
  const signal = timeIsUp ? AbortSignal.any([options.signal, timeIsUp]) : options.signal;
  const engines = new EnginePool(options, (diagnostic) => options.emit({ event: 'diagnostic', diagnostic }));
  const results: TrialResult[] = [];
  const tried: Scored[] = [];
  const stages: Record<string, RunSummary['stages'][string]> = {};
  const problems: Diagnostic[] = [];
  const measured: MeasuredStage[] = [];
  let interruptedWith: RunSummary['exitCode'] = 130;
  try {
    while (!signal.aborted && !isSettled(settings, results)) {
      const proposals = settings.strategy.propose(tried);
      if (proposals.length === 0) break;
      const planned = await planTrials(nextRound(settings, proposals, results.length, context), context);
      if (!planned.ok) return planned;
      if (results.length === 0) options.emit({ ...startedEvent(planned.value, options.run), goal: settings.goal });
      // Asynchronous halving may come to more trials than plain halving has.
      const of = Math.max(combinations, results.length + planned.value.trials.length);
      for (const { trial, stages: names } of planned.value.trials)
        options.emit({
          event: 'trial-planned',
          trial: trial.number,
          of,
          settings: trial.settings,
          stages: [...new Set(names.flat())],
        });
      const lineages = settings.strategyName === 'halving' || settings.strategyName === 'asha';
      const told = new Set<number>();
      const tell = (result: TrialResult) => {
        // A trial that the limit of time has stopped may be scored yet.
        if (result.status === 'skipped' && timeIsUp?.aborted && !options.signal.aborted) return;
        told.add(result.trial);
        options.emit({ event: 'trial-finished', of, ...result });
      };
      const round = { ...options, goal: settings.goal, engines, lineages, tell };
      const ran = await runRound(planned.value, context, { ...round, signal });
      const summary = timeIsUp?.aborted ? await scoreTrained(planned.value, ran, context, round) : ran;
      if (summary.outcome === 'interrupted') interruptedWith = summary.exitCode;
      Object.assign(stages, summary.stages);
      noteMeasured(planned.value, summary, measured);
      const missing = missingIn(planned.value, settings.goal, summary);
      if (missing) return err([missing]);
      for (const trial of planned.value.trials) {
        const result = trialResult(trial, settings.goal, summary);
        results.push(result);
        if (!told.has(result.trial)) options.emit({ event: 'trial-finished', of, ...result });
        tried.push({ ...trial.trial.proposal, score: result.score });
        problems.push(...(await options.note(trial, planned.value, summary)));
      }
    }
  } finally {
    await engines.close();
    if (!signal.aborted) rmSync(lineagesFolder(context.workspace), { recursive: true, force: true });
  }
  for (const diagnostic of problems) options.emit({ event: 'diagnostic', diagnostic });
  const failed = results.some(({ status }) => status === 'failed') || problems.length > 0;
  const outcome: RunOutcomeName = options.signal.aborted ? 'interrupted' : failed ? 'failed' : 'succeeded';
  const [first] = problems;
  return ok({
    run: options.run,
    outcome,
    exitCode: outcome === 'interrupted' ? interruptedWith : first ? exitCodeOf(first) : failed ? 1 : 0,
    durationMs: Math.round(options.now() - started),
    stages,
    trials: results,
    features: { read: traffic.read - before.read, given: traffic.given - before.given },
    measured,
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

/** Whether so many trials in a row were no better than the best before them. */
function isSettled({ noImprovement }: SweepSettings, results: readonly TrialResult[]): boolean {
  if (noImprovement === undefined || results.length === 0) return false;
  const best = results.reduce((at, result, i) => (byScore(result, results[at] ?? result) < 0 ? i : at), 0);
  return results.length - 1 - best >= noImprovement;
}

function startedEvent({ plan }: SweepPlan, run: string): Extract<RunEvent, { event: 'run-started' }> {
  const stages = plan.stages.map(({ name }) => name);
  return { event: 'run-started', format: 1, pipeline: plan.config.name, run, stages };
}

/** Of each kind, at most so many. */
const MOST_MEASURED = 10;

function noteMeasured({ plan }: SweepPlan, { stages }: RunSummary, measured: MeasuredStage[]): void {
  for (const { name, kind, record } of plan.stages) {
    const result = stages[name];
    if (result?.status !== 'ran') continue;
    if (measured.filter((one) => one.kind === kind.kind).length >= MOST_MEASURED) continue;
    const rows = result.rows && { rows: result.rows.computed };
    measured.push({ kind: kind.kind, ms: result.durationMs, with: record.with, ...rows });
  }
}

/** A goal that no trial's metrics hold, although they have some: known late where a kind does not tell beforehand. */
function missingIn({ trials }: SweepPlan, goal: Goal, summary: RunSummary): Diagnostic | undefined {
  const known = trials
    .flatMap(({ goals }) => goals.map((name) => summary.metrics[name]))
    .filter((metrics) => metrics !== undefined);
  if (known.length === 0 || known.some((metrics) => Object.hasOwn(metrics, goal.metric))) return undefined;
  const missing = missingMetric(goal, Object.keys(known[0] ?? {}));
  return missing && problem('P034', missing.message, { help: missing.help });
}

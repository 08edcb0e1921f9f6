/** What became of a trial: told from the results of the stages behind it. */
import type { RunSummary } from '../scheduler/events.ts';
import type { Goal } from './goal.ts';
import type { PlannedTrial } from './plan-trials.ts';
import type { Setting } from './space.ts';
import { byScore } from './strategy.ts';

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

/** The part of a summary that trials are told from. */
export type StageResults = Pick<RunSummary, 'stages' | 'metrics'>;

export function trialResult(
  { trial, goals, stages }: PlannedTrial,
  goal: Goal,
  { stages: results, metrics }: StageResults,
): TrialResult {
  const runs = goals.map((name) => metrics[name] ?? {});
  const scores = runs.map((values) => values[goal.metric] ?? Number.NaN);
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const squares = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0);
  return {
    trial: trial.number,
    settings: trial.settings,
    status: statusOf(goals, stages.flat(), results),
    metrics: meansOf(runs),
    ...(scores.length > 1 && { deviation: Math.sqrt(squares / (scores.length - 1)) }),
    score: goal.direction === 'minimize' ? mean : -mean,
    ...(trial.proposal.label !== undefined && { label: trial.proposal.label }),
  };
}

function statusOf(
  goals: readonly string[],
  stages: readonly string[],
  results: StageResults['stages'],
): TrialResult['status'] {
  if (stages.some((name) => results[name]?.status === 'failed')) return 'failed';
  if (goals.some((name) => (results[name]?.status ?? 'skipped') === 'skipped')) return 'skipped';
  const cached = stages.every(
    (name) => results[name]?.status === 'cached' || results[name]?.reason.type === 'not-needed',
  );
  return cached ? 'cached' : 'finished';
}

function meansOf(runs: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const names = Object.keys(runs[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, runs.reduce((sum, metrics) => sum + (metrics[name] ?? Number.NaN), 0) / runs.length]),
  );
}

/** Trials from the best to the worst; those of the last rung that they reached come first. */
export function ranked(results: readonly TrialResult[]): readonly TrialResult[] {
  const rung = ({ label }: TrialResult) => (label === undefined ? 0 : Number(label));
  return [...results].sort((a, b) => rung(b) - rung(a) || byScore(a, b) || a.trial - b.trial);
}

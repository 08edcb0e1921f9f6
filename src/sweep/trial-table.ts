/** Trials as rows of a table: rank, settings, metrics. */
import type { Json } from '../base/json.ts';
import type { Goal } from './goal.ts';
import { ranked, type TrialResult } from './trial-result.ts';

export interface TrialTable {
  readonly columns: readonly string[];
  /** Of the columns, those that people look at: settings that differ, and the metrics that matter. */
  readonly shown: readonly string[];
  /** In the order of their ranks. */
  readonly rows: readonly (readonly Json[])[];
}

/** Metrics that are always worth a look beside the goal's. */
const USUAL = ['log-loss', 'accuracy'];

/** `rank`, `trial`, `status`, the settings by path, the goal's metric, its deviation where there are seeds, the other metrics. */
export function trialTable(trials: readonly TrialResult[], goal: Goal): TrialTable {
  const paths = pathsIn(trials);
  const metrics = [...new Set(trials.flatMap((trial) => Object.keys(trial.metrics)))];
  const others = metrics.filter((name) => name !== goal.metric);
  const deviates = trials.some(({ deviation }) => deviation !== undefined);
  const column = (name: string) => `${goal.stage}.${name}`;
  const goalColumns = [column(goal.metric), ...(deviates ? [`${column(goal.metric)} ±`] : [])];
  const columns = ['rank', 'trial', 'status', ...paths, ...goalColumns, ...others.map(column)];
  const usual = others.filter((name) => USUAL.includes(name)).map(column);
  const rows = ranked(trials).map((trial, i) => [
    Number.isFinite(trial.score) ? i + 1 : null,
    trial.trial,
    trial.status,
    ...paths.map((path) => settingOf(trial, path)),
    finite(trial.metrics[goal.metric]),
    ...(deviates ? [finite(trial.deviation)] : []),
    ...others.map((name) => finite(trial.metrics[name])),
  ]);
  return { columns, shown: ['rank', 'trial', 'status', ...differingPaths(trials), ...goalColumns, ...usual], rows };
}

function pathsIn(trials: readonly Pick<TrialResult, 'settings'>[]): readonly string[] {
  return [...new Set(trials.flatMap(({ settings }) => settings.map(({ path }) => path)))].sort();
}

/** Paths that some trials give other values than the rest; all of them where there is but one trial. */
export function differingPaths(trials: readonly Pick<TrialResult, 'settings'>[]): readonly string[] {
  const paths = pathsIn(trials);
  if (trials.length < 2) return paths;
  return paths.filter((path) => new Set(trials.map((trial) => JSON.stringify(settingOf(trial, path)))).size > 1);
}

/** What a trial gives a path; null where it gives nothing. */
export function settingOf({ settings }: Pick<TrialResult, 'settings'>, path: string): Json {
  return settings.find((setting) => setting.path === path)?.value ?? null;
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

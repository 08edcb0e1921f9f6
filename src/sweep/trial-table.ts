/** Trials as rows of a table: rank, what differs, metrics. */
import type { Json } from '../base/json.ts';
import { ranked, type TrialResult } from './run-sweep.ts';
import type { Goal } from './sweep-settings.ts';

export interface TrialTable {
  readonly columns: readonly string[];
  /** In the order of their ranks. */
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** `rank`, `trial`, `status`, the settings by path, the goal's metric, its deviation where there are seeds, the other metrics. */
export function trialTable(trials: readonly TrialResult[], goal: Goal): TrialTable {
  const paths = [...new Set(trials.flatMap(({ settings }) => settings.map(({ path }) => path)))].sort();
  const metrics = [...new Set(trials.flatMap((trial) => Object.keys(trial.metrics)))];
  const others = metrics.filter((name) => name !== goal.metric);
  const deviates = trials.some(({ deviation }) => deviation !== undefined);
  const metricName = `${goal.stage}.${goal.metric}`;
  const columns = ['rank', 'trial', 'status', ...paths, metricName];
  if (deviates) columns.push(`${metricName} ±`);
  columns.push(...others.map((name) => `${goal.stage}.${name}`));
  const rows = ranked(trials).map((trial, i) => [
    i + 1,
    trial.trial,
    trial.status,
    ...paths.map((path) => cellOf(trial.settings.find((setting) => setting.path === path)?.value)),
    finite(trial.metrics[goal.metric]),
    ...(deviates ? [finite(trial.deviation)] : []),
    ...others.map((name) => finite(trial.metrics[name])),
  ]);
  return { columns, rows };
}

function cellOf(value: Json | undefined): string | number | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value);
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

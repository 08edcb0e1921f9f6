/** The trials of a sweep, for people. */
import { escapeForTerminal } from '../base/escape.ts';
import type { SweepEvent } from '../sweep/run-sweep.ts';
import { showValue } from '../sweep/trial.ts';
import type { TrialTable } from '../sweep/trial-table.ts';
import type { Paint } from './stage-line.ts';

type TrialEvent = Extract<SweepEvent, { event: 'trial-finished' }>;

/** `trial 3 of 12  head.batch=64  log-loss 0.0812`, as each one ends. */
export function trialLine({ trial, of, status, settings, metrics }: TrialEvent, metric: string, paint: Paint): string {
  const mark = status === 'failed' ? paint('red', '✗') : status === 'skipped' ? paint('dim', '–') : paint('green', '✓');
  const changed = settings.map(({ path, value }) => `${path}=${showValue(value)}`).join(' ');
  const value = metrics[metric];
  const result =
    value === undefined ? status : `${metric} ${showValue(value)}${status === 'cached' ? ' (cached)' : ''}`;
  return `  ${mark} trial ${trial}${of === undefined ? '' : ` of ${of}`}  ${escapeForTerminal(changed)}  ${paint('dim', result)}`;
}

/** Rows that a table on the terminal has at most. */
const SHOWN = 20;

export function trialTableLines({ columns, rows }: TrialTable, paint: Paint): readonly string[] {
  const shown = rows.slice(0, SHOWN);
  const cells = [columns, ...shown.map((row) => row.map((cell) => (cell === null ? '–' : showValue(cell))))];
  // Metrics beyond the goal's are in the exports; a terminal has only so much room.
  const kept = columns
    .map((_, i) => i)
    .slice(0, Math.max(8, columns.findIndex((name) => name.includes('.log-loss')) + 2));
  const widths = kept.map((i) => Math.max(...cells.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]) =>
    `  ${kept.map((i, k) => (row[i] ?? '').padEnd(widths[k] ?? 0)).join('  ')}`.trimEnd();
  const [head = [], ...body] = cells;
  const rest = rows.length - shown.length;
  return [
    paint('bold', escapeForTerminal(line(head))),
    ...body.map((row) => escapeForTerminal(line(row))),
    ...(rest > 0 ? [paint('dim', `  … and ${rest} more: pipe sweep show @last --export csv`)] : []),
  ];
}

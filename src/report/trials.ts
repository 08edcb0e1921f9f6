/** The trials of a sweep, for people. */
import { escapeForTerminal } from '../base/escape.ts';
import type { Json } from '../base/json.ts';
import type { SweepEvent } from '../sweep/run-sweep.ts';
import type { Setting } from '../sweep/space.ts';
import { showSettings, showValue } from '../sweep/trial.ts';
import type { TrialTable } from '../sweep/trial-table.ts';
import { MARKS, type Paint } from './stage-line.ts';
import { cutTo, padTo, widthOf } from './text-width.ts';

type TrialEvent = Extract<SweepEvent, { event: 'trial-finished' }>;

/** `✓ trial 3 of 12  head.batch=64  log-loss 0.0812`, as each one ends. */
export function trialLine({ trial, of, status, settings, metrics }: TrialEvent, metric: string, paint: Paint): string {
  const mark = trialMark(status, paint);
  const value = metrics[metric];
  const result =
    value === undefined ? status : `${metric} ${showValue(value)}${status === 'cached' ? ' (cached)' : ''}`;
  return `  ${mark} trial ${trial} of ${of}  ${escapeForTerminal(showSettings(settings))}  ${paint('dim', escapeForTerminal(result))}`;
}

export function trialMark(status: TrialEvent['status'], paint: Paint): string {
  if (status === 'failed') return paint('red', MARKS.failed);
  return status === 'skipped' ? paint('dim', MARKS.skipped) : paint('green', MARKS.ran);
}

/** `trial 2 (head.batch=64)` */
export function trialName(trial: number, settings: readonly Setting[]): string {
  return settings.length > 0 ? `trial ${trial} (${showSettings(settings)})` : `trial ${trial}`;
}

/** Rows that a table on the terminal has at most. */
const SHOWN = 20;
/** Columns that a cell has at most. */
const WIDEST = 60;

export function trialTableLines({ columns, shown, rows }: TrialTable, paint: Paint): readonly string[] {
  const kept = shown.map((name) => columns.indexOf(name));
  const lines = tableLines([shown, ...rows.slice(0, SHOWN).map((row) => kept.map((i) => showCell(row[i] ?? null)))]);
  const [head = '', ...body] = lines;
  const rest = rows.length - SHOWN;
  return [
    paint('bold', head),
    ...body,
    ...(rest > 0 ? [paint('dim', `  … and ${rest} more: pipe sweep show @last --export csv`)] : []),
  ];
}

export function showCell(cell: Json): string {
  return cell === null ? '–' : showValue(cell);
}

/** Cells below each other, made safe for a terminal. */
export function tableLines(rows: readonly (readonly string[])[]): readonly string[] {
  const cells = rows.map((row) => row.map((cell) => cutTo(escapeForTerminal(cell), WIDEST)));
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map((row) => widthOf(row[i] ?? ''))));
  return cells.map((row) => `  ${row.map((cell, i) => padTo(cell, widths[i] ?? 0)).join('  ')}`.trimEnd());
}

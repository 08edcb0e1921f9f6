/** The words of a stage's line, shared by the plain lines and the live view. */
import { escapeForTerminal } from '../base/escape.ts';
import { describeReason } from '../plan/reason.ts';
import type { Repeated, RunSummary, StageResult } from '../scheduler/events.ts';
import { showCount, showDuration } from './duration.ts';

export type Paint = (style: 'red' | 'green' | 'yellow' | 'dim' | 'bold', text: string) => string;

/** What stands before a stage's line. */
export const MARKS = { ran: '✓', cached: '✓', failed: '✗', skipped: '–' } as const;

export function stageLine(name: string, result: StageResult, width: number, paint: Paint): string {
  const mark = paint(
    result.status === 'failed' ? 'red' : result.status === 'skipped' ? 'dim' : 'green',
    MARKS[result.status],
  );
  return `  ${mark} ${stageWords(name, result, width, paint)}`;
}

/** The line without its mark. */
export function stageWords(name: string, result: StageResult, width: number, paint: Paint): string {
  const word =
    result.status === 'ran' && result.rows && result.rows.cached > 0 && result.rows.computed > 0
      ? 'partial'
      : result.status;
  const detail = [
    rowsOf(result),
    result.status === 'cached' ? '' : result.reason.type === 'cached' ? '' : describeReason(result.reason),
  ]
    .filter((part) => part !== '')
    .join(' · ');
  const time = result.status === 'ran' ? showDuration(result.durationMs) : '';
  return `${escapeForTerminal(name).padEnd(width)}  ${word.padEnd(8)}${paint('dim', `${escapeForTerminal(detail)}${time && `${detail && ' · '}${time}`}`)}`.trimEnd();
}

function rowsOf({ rows, status }: StageResult): string {
  if (!rows) return '';
  if (status === 'cached') return `${showCount(rows.total)} rows`;
  if (rows.computed === 0) return `${showCount(rows.cached)} rows from cache`;
  return rows.cached === 0
    ? `${showCount(rows.computed)} rows`
    : `${showCount(rows.cached)} cached · ${showCount(rows.computed)} new`;
}

/** Metrics first: the numbers are the point. A model below its baseline is called out. */
export function closingLines(summary: RunSummary, paint: Paint): readonly string[] {
  const lines = Object.entries(summary.metrics).flatMap(([stage, values]) => metricLines(stage, values, paint));
  for (const [stage, values] of Object.entries(summary.repeats ?? {})) lines.push(repeatLine(stage, values, paint));
  const results = Object.values(summary.stages);
  const cached = results.filter(({ status }) => status === 'cached');
  const saved = cached.reduce((sum, { savedMs = 0 }) => sum + savedMs, 0);
  const parts = [
    `${cached.length} of ${results.length} stages from cache`,
    showDuration(summary.durationMs),
    ...(saved > 1000 ? [`saved ≈ ${showDuration(saved)}`] : []),
  ];
  const files = Object.values(summary.artifacts).flatMap((artifacts) => Object.values(artifacts));
  return [
    ...lines,
    paint('dim', `  ${parts.join(' · ')}`),
    ...files.map((file) => paint('dim', `  → ${escapeForTerminal(file)}`)),
    ...(summary.outcome === 'interrupted'
      ? [paint('yellow', '  interrupted; what was finished is kept, the next run goes on from there')]
      : []),
  ];
}

function repeatLine(stage: string, values: Readonly<Record<string, Repeated>>, paint: Paint): string {
  const shown = ['log-loss', 'accuracy'].flatMap((name) => {
    const value = values[name];
    return value ? [`${name} ${show(name, value.mean)} ± ${show(name, value.deviation)}`] : [];
  });
  const runs = Object.values(values)[0]?.runs ?? 0;
  return `  ${paint('bold', escapeForTerminal(stage))}  ${shown.join('   ')}${paint('dim', `   (${runs} runs)`)}`;
}

function metricLines(stage: string, values: Readonly<Record<string, number>>, paint: Paint): readonly string[] {
  const shown = Object.entries(values)
    .filter(([name]) => !name.startsWith('accuracy-') && !name.startsWith('baseline-'))
    .slice(0, 6)
    .map(([name, value]) => `${name} ${show(name, value)}`);
  const baseline = values['baseline-accuracy'];
  const accuracy = values['accuracy'];
  const below = baseline !== undefined && accuracy !== undefined && accuracy <= baseline;
  const line = `  ${paint('bold', escapeForTerminal(stage))}  ${shown.join('   ')}${baseline === undefined ? '' : paint('dim', `   (always the most frequent class: ${show('accuracy', baseline)})`)}`;
  return below
    ? [line, paint('red', `  ${escapeForTerminal(stage)} is no better than always answering the most frequent class`)]
    : [line];
}

function show(name: string, value: number): string {
  return /accuracy|top-/.test(name) ? `${(value * 100).toFixed(2)} %` : value.toFixed(4);
}

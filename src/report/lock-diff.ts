/** Differences between lock files for people: lines for a terminal, Markdown for a pull request. */
import { escapeForTerminal } from '../base/escape.ts';
import type { JsonObject } from '../base/json.ts';
import type { Difference } from '../runs/compare-locks.ts';
import { describeDifference, showValue } from '../runs/describe-differences.ts';
import type { LockDiff, PipelineDiff } from '../runs/lock-history.ts';
import type { Paint } from './stage-line.ts';

/** Which way a metric should go, where its name tells. */
function betterWhen(metric: string): 'lower' | 'higher' | undefined {
  if (metric.startsWith('baseline-')) return undefined;
  if (/loss|brier|error/.test(metric)) return 'lower';
  return /accuracy|top-|precision|recall|f1/.test(metric) ? 'higher' : undefined;
}

export interface Delta {
  /** After minus before. */
  readonly by: number;
  readonly verdict: 'better' | 'worse' | undefined;
}

/** How far a metric moved; undefined where one side is no number. */
export function deltaOf({ path, before, after }: Difference): Delta | undefined {
  if (typeof before !== 'number' || typeof after !== 'number') return undefined;
  const by = Number((after - before).toPrecision(6));
  const wanted = betterWhen(path);
  return { by, verdict: wanted && by !== 0 ? (by > 0 === (wanted === 'higher') ? 'better' : 'worse') : undefined };
}

function showDelta({ by }: Delta): string {
  return `${by > 0 ? '▲ +' : by < 0 ? '▼ −' : ''}${Math.abs(by)}`;
}

/** Settings under their stage, then metrics with arrows. */
export function lockDiffLines({ from, to, pipelines }: LockDiff, paint: Paint): readonly string[] {
  if (pipelines.length === 0)
    return [`no setting or metric differs between ${escapeForTerminal(from)} and ${escapeForTerminal(to)}`];
  return pipelines.flatMap((diff) => [
    `${paint('bold', escapeForTerminal(diff.pipeline))}  ${escapeForTerminal(from)} → ${escapeForTerminal(to)}${noteOf(diff)}`,
    ...overrideWords(diff.overrides).map((words) => `  --set ${escapeForTerminal(words)}`),
    ...stagesOf(diff.differences).flatMap((stage) => stageLines(stage, diff.differences, paint)),
  ]);
}

function noteOf({ change }: PipelineDiff): string {
  return change === 'changed' ? '' : `  (${change === 'added' ? 'new' : 'gone'})`;
}

function stagesOf(differences: readonly Difference[]): readonly string[] {
  return [...new Set(differences.map(({ stage }) => stage))];
}

function stageLines(stage: string, differences: readonly Difference[], paint: Paint): readonly string[] {
  const own = differences.filter((difference) => difference.stage === stage);
  const whole = own.find(({ aspect }) => aspect === 'stage');
  const note = whole ? paint('dim', `  (${describeDifference(whole).replace('it is ', '')})`) : '';
  const rows = own.filter(({ aspect }) => aspect !== 'stage').map((difference) => rowOf(difference));
  const width = Math.max(0, ...rows.map(({ name }) => name.length));
  const values = Math.max(0, ...rows.filter(({ delta }) => delta).map((row) => row.change.length));
  return [
    `  ${escapeForTerminal(stage)}${note}`,
    ...rows.map(({ name, change, delta }) => {
      const line = `    ${name.padEnd(width)}  ${delta ? change.padEnd(values) : change}`;
      if (!delta) return line;
      const words = `${showDelta(delta)}${delta.verdict ? ` ${delta.verdict}` : ''}`;
      return `${line}  ${delta.verdict ? paint(delta.verdict === 'better' ? 'green' : 'red', words) : words}`;
    }),
  ];
}

function rowOf(difference: Difference) {
  const { before, after } = difference;
  return {
    name: escapeForTerminal(nameOf(difference)),
    change: escapeForTerminal(`${showValue(before)} → ${showValue(after)}`),
    delta: difference.aspect === 'metric' ? deltaOf(difference) : undefined,
  };
}

function nameOf({ aspect, path }: Difference): string {
  if (aspect === 'data') return `data digest (${path})`;
  if (aspect === 'weights') return 'weights digest';
  if (aspect === 'count') return `count of ${path}`;
  return path === '' ? aspect : path;
}

function overrideWords({ before, after }: PipelineDiff['overrides']): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const value = (side: JsonObject, name: string) => showValue(side[name]);
  return names
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) => `${name}: ${value(before, name)} → ${value(after, name)}`);
}

/** One table of metrics and one of everything else for each pipeline. Whatever the names are, they stay text. */
export function lockDiffMarkdown({ from, to, pipelines }: LockDiff): string {
  if (pipelines.length === 0) return `No setting or metric differs between ${code(from)} and ${code(to)}.\n`;
  return pipelines
    .map((diff) => {
      const { pipeline, differences, overrides } = diff;
      const metrics = differences.filter(({ aspect }) => aspect === 'metric');
      const others = differences.filter(({ aspect }) => aspect !== 'metric');
      const parts = [
        `### ${code(pipeline)}: ${code(from)} → ${code(to)}${noteOf(diff)}`,
        ...overrideWords(overrides).map((words) => `With ${code(`--set ${words}`)}`),
        table(['metric', 'before', 'after', 'change'], '|---|--:|--:|--:|', metrics.map(metricCells)),
        table(['setting', 'before', 'after'], '|---|---|---|', others.map(settingCells)),
      ];
      return parts.filter((part) => part !== '').join('\n\n');
    })
    .join('\n\n')
    .concat('\n');
}

function table(head: readonly string[], rule: string, rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  return [`| ${head.join(' | ')} |`, rule, ...rows.map((cells) => `| ${cells.join(' | ')} |`)].join('\n');
}

function metricCells(difference: Difference): readonly string[] {
  const { stage, path, before, after } = difference;
  const delta = deltaOf(difference);
  const change = delta ? `${showDelta(delta)}${delta.verdict ? ` (${delta.verdict})` : ''}` : '';
  return [code(`${stage}.${path}`), showValue(before), showValue(after), change];
}

function settingCells(difference: Difference): readonly string[] {
  const { stage, aspect, before, after } = difference;
  const cell = (value: typeof before) => (value === undefined ? '–' : code(showValue(value)));
  return [code(aspect === 'stage' ? stage : `${stage}.${nameOf(difference)}`), cell(before), cell(after)];
}

/** A code span around text from outside: nothing in it is formatted, linked or notified, and a table's cell does not end. */
function code(text: string): string {
  const safe = escapeForTerminal(text).replaceAll('|', '\\|');
  const longest = Math.max(0, ...[...safe.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  const space = longest > 0 ? ' ' : '';
  return `${fence}${space}${safe}${space}${fence}`;
}

import { problem } from '../../base/diagnostic.ts';
import { escapeForTerminal } from '../../base/escape.ts';
import type { Json } from '../../base/json.ts';
import { locateProject } from '../../files/project.ts';
import { changesBetween, describeChange } from '../../plan/reason.ts';
import { showDuration } from '../../report/duration.ts';
import { logLines, machineLines } from '../../report/run-lines.ts';
import { closingLines, stageLine } from '../../report/stage-line.ts';
import { showValue } from '../../runs/describe-differences.ts';
import { findRun } from '../../runs/find-run.ts';
import { readDetails, readLog } from '../../runs/run-details.ts';
import { leavesOf, queryRuns, valueAt } from '../../runs/run-query.ts';
import { type RunRecord, readRunRecords } from '../../runs/run-record.ts';
import { readSweepRecord, sweepsFolder } from '../../sweep/sweep-record.ts';
import { findSweptRun } from '../../sweep/swept-runs.ts';
import { cacheFolder, failWith, type GlobalOptions, paint, print, printError, printJson } from '../output.ts';
import { sharingIn } from './run.ts';

function runsFolder(options: GlobalOptions): string {
  return locateProject(`${process.cwd()}/x`, process.env, cacheFolder(options)).runs;
}

function sweepsIn(options: GlobalOptions): string {
  return sweepsFolder(locateProject(`${process.cwd()}/x`, process.env, cacheFolder(options)));
}

/** A run, or a trial of a sweep as the run that it would be. */
function runOrTrial(id: string, options: GlobalOptions): RunRecord | undefined {
  return findRun(runsFolder(options), id) ?? findSweptRun(sweepsIn(options), id);
}

export async function runs(options: GlobalOptions): Promise<number> {
  const skipped: string[] = [];
  const all = [...readRunRecords(runsFolder(options), (id) => skipped.push(id))];
  const where = Array.isArray(options['where']) ? options['where'].map(String) : [];
  const sort = typeof options['sort'] === 'string' ? options['sort'] : undefined;
  const found = queryRuns(all, { where, sort });
  if (!found.ok) return failWith([found.error], options);
  const limit = options['limit'] === undefined ? Number.POSITIVE_INFINITY : Number(options['limit']);
  if (!(limit >= 1) || (options['limit'] !== undefined && !Number.isInteger(limit)))
    return failWith([problem('U001', '--limit takes a whole number from 1 on')], options);
  const chosen = found.value.slice(0, limit);
  if (options.json)
    printJson(
      chosen.map(({ id, startedAt, pipeline, commit, dirty, overrides, summary }) => ({
        id,
        startedAt,
        pipeline,
        commit,
        dirty,
        overrides,
        outcome: summary.outcome,
        durationMs: summary.durationMs,
        metrics: summary.metrics,
      })),
    );
  else if (all.length === 0)
    print(
      `no runs yet${readSweepRecord(sweepsIn(options), '@last') ? '; `pipe sweep show` shows the last sweep' : ''}\n`,
    );
  else if (chosen.length === 0) print(`none of ${all.length} runs\n`);
  else print(chosen.map((record) => `${line(record, asked(where, sort))}\n`).join(''));
  if (skipped.length > 0 && !options.json && !options.quiet)
    printError(`${skipped.length} records are damaged or of a newer version of pipe, such as ${skipped[0]}\n`);
  return 0;
}

/** The paths that a query is about: they are shown with each run. */
function asked(where: readonly string[], sort: string | undefined): readonly string[] {
  const paths = where.flatMap((words) => /^\s*([^<>=!~]+?)\s*[<>=!~]/.exec(words)?.[1] ?? []);
  return [...new Set([...paths, ...(sort === undefined ? [] : [sort.replace(/^-/, '')])])];
}

function line(record: RunRecord, paths: readonly string[]): string {
  const { id, pipeline, summary, overrides } = record;
  const usual = Object.entries(summary.metrics).flatMap(([stage, values]) =>
    ['log-loss', 'accuracy'].flatMap((name) => (values[name] === undefined ? [] : [`${stage}.${name}`])),
  );
  const names = [...new Set([...usual, ...paths.filter((path) => path.includes('.'))])];
  const values = names.flatMap((path) => {
    const value = valueAt(record, path);
    return value === undefined ? [] : [`${path} ${typeof value === 'number' ? Number(value.toPrecision(4)) : value}`];
  });
  const set = Object.entries(overrides).map(([path, value]) => `${path}=${JSON.stringify(value)}`);
  return escapeForTerminal(
    [id, pipeline, summary.outcome, showDuration(summary.durationMs), ...values, ...set].join('  '),
  );
}

const unknownRun = (id: string) =>
  problem('U005', `there is no run ${id}`, {
    help: '`pipe runs` lists them; @last is the newest, @last~1 the one before, @sweep.3 the third trial of the last sweep',
  });

export async function show(id: string, options: GlobalOptions): Promise<number> {
  const runs = runsFolder(options);
  const record = runOrTrial(id, options);
  if (!record) return failWith([unknownRun(id)], options);
  const details = readDetails(runs, record.id);
  const sharing = sharingIn(options);
  if (sharing) {
    const { shareRun } = await import('../../runs/interop/share-run.ts');
    const problems = await shareRun(record, details, sharing);
    if (problems.length > 0) return failWith(problems, options);
  }
  const log = options['log'] === true ? readLog(runs, record.id) : undefined;
  if (options.json) {
    printJson({ ...record, ...(details && { details }), ...(log && { log }) });
    return 0;
  }
  const { commit, dirty } = record;
  const source = commit
    ? `  commit ${commit.slice(0, 10)}${dirty ? ', with changes' : dirty === false ? ', clean' : ''}`
    : '';
  print(`${paint('bold', record.id)}  ${escapeForTerminal(record.pipeline)}  ${record.startedAt}${source}\n`);
  const names = Object.keys(record.summary.stages);
  const width = Math.max(...names.map((name) => name.length), 0);
  for (const [name, result] of Object.entries(record.summary.stages))
    print(`${stageLine(name, result, width, paint)}\n`);
  for (const text of closingLines(record.summary, paint)) print(`${text}\n`);
  for (const text of machineLines(details, record.node)) print(paint('dim', `  ${text}\n`));
  if (log) for (const text of logLines(log, details)) print(`${text}\n`);
  return 0;
}

/** Metrics and the settings that differ, side by side. */
export async function compare(ids: readonly string[], options: GlobalOptions): Promise<number> {
  const found = ids.map((id) => ({ id, record: runOrTrial(id, options) }));
  const missing = found.filter(({ record }) => !record).map(({ id }) => unknownRun(id));
  if (missing.length > 0) return failWith(missing, options);
  const chosen = found.flatMap(({ record }) => record ?? []);
  const [first] = chosen;
  if (!first) return 0;
  const settings = differingSettings(chosen);
  if (options.json) {
    printJson({
      runs: chosen.map(({ id, summary }) => ({ id, metrics: summary.metrics })),
      settings,
      changes: Object.fromEntries(chosen.slice(1).map((record) => [record.id, changesFrom(first, record)])),
    });
    return 0;
  }
  const metrics = new Set(
    chosen.flatMap(({ summary }) =>
      Object.entries(summary.metrics).flatMap(([stage, values]) =>
        Object.keys(values).map((name) => `${stage}.${name}`),
      ),
    ),
  );
  const stages = [...new Set(chosen.flatMap(({ records }) => Object.keys(records)))];
  const elsewhere = stages.filter((stage) => !chosen.every(({ records }) => records[stage]));
  const rows = [
    ['', ...chosen.map(({ id }) => id)],
    ...[...metrics].map((path) => [path, ...chosen.map((record) => showMetric(valueAt(record, path)))]),
    ...elsewhere.map((stage) => [stage, ...chosen.map(({ records }) => (records[stage] ? 'there' : '–'))]),
    ...Object.entries(settings)
      .filter(([path]) => !elsewhere.some((stage) => path.startsWith(`${stage}.`)))
      .map(([path, values]) => [path, ...values.map((value) => (value === null ? '–' : showValue(value)))]),
  ].map((cells) => cells.map(escapeForTerminal));
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0))) ?? [];
  for (const [name = '', ...values] of rows) {
    const cells = values.map((value, i) => value.padStart(widths[i + 1] ?? 0));
    print(`  ${name.padEnd(widths[0] ?? 0)}  ${cells.join('  ')}\n`);
  }
  if (Object.keys(settings).length === 0) print('  no setting differs\n');
  return 0;
}

function showMetric(value: string | number | boolean | undefined): string {
  return value === undefined ? '–' : typeof value === 'number' ? value.toPrecision(6) : String(value);
}

/** Settings that are not the same in all runs, by `stage.path`; null where a run has none. */
function differingSettings(chosen: readonly RunRecord[]): Readonly<Record<string, readonly (Json | null)[]>> {
  const leaves = chosen.map(
    ({ records }): Readonly<Record<string, Json>> =>
      Object.assign(
        {},
        ...Object.entries(records).map(([stage, input]) =>
          leavesOf(
            {
              ...objectOf(input.with),
              kind: input.kind,
              version: input.version,
              ...(input.seed !== null && { 'pipeline seed': input.seed }),
            },
            stage,
          ),
        ),
      ),
  );
  const paths = [...new Set(leaves.flatMap((one) => Object.keys(one)))];
  const rows = paths.map((path) => [path, leaves.map((one) => one[path] ?? null)] as const);
  return Object.fromEntries(
    rows.filter(([, values]) => new Set(values.map((value) => JSON.stringify(value))).size > 1),
  );
}

function objectOf(value: Json): Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}

function changesFrom(first: RunRecord, record: RunRecord): readonly string[] {
  return Object.entries(record.records).flatMap(([stage, after]) => {
    const before = first.records[stage];
    return before
      ? changesBetween(before, after).map((change) => `${stage}.${describeChange(change)}`)
      : [`${stage} (new)`];
  });
}

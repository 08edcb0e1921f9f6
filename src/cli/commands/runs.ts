import { problem } from '../../base/diagnostic.ts';
import { escapeForTerminal } from '../../base/escape.ts';
import { locateProject } from '../../files/project.ts';
import { changesBetween, describeChange } from '../../plan/reason.ts';
import { showDuration } from '../../report/duration.ts';
import { closingLines, stageLine } from '../../report/stage-line.ts';
import { type RunRecord, readRunRecords } from '../../runs/run-record.ts';
import { cacheFolder, failWith, type GlobalOptions, paint, print, printJson } from '../output.ts';

function records(options: GlobalOptions): Generator<RunRecord> {
  return readRunRecords(locateProject(`${process.cwd()}/x`, process.env, cacheFolder(options)).runs);
}

export async function runs(options: GlobalOptions): Promise<number> {
  const all = [...records(options)];
  if (options.json)
    printJson(
      all.map(({ id, startedAt, pipeline, commit, overrides, summary }) => ({
        id,
        startedAt,
        pipeline,
        commit,
        overrides,
        outcome: summary.outcome,
        durationMs: summary.durationMs,
        metrics: summary.metrics,
      })),
    );
  else if (all.length === 0) print('no runs yet\n');
  else for (const record of all) print(`${line(record)}\n`);
  return 0;
}

function line({ id, pipeline, summary, overrides }: RunRecord): string {
  const metrics = Object.entries(summary.metrics).flatMap(([stage, values]) =>
    ['log-loss', 'accuracy'].flatMap((name) =>
      values[name] === undefined ? [] : [`${stage}.${name} ${values[name].toFixed(4)}`],
    ),
  );
  const set = Object.entries(overrides).map(([path, value]) => `${path}=${JSON.stringify(value)}`);
  return escapeForTerminal(
    [id, pipeline, summary.outcome, showDuration(summary.durationMs), ...metrics, ...set].join('  '),
  );
}

function find(id: string, options: GlobalOptions): RunRecord | undefined {
  for (const record of records(options))
    if (id === '@last' || record.id === id || (id.length >= 4 && record.id.startsWith(id))) return record;
  return undefined;
}

const unknownRun = (id: string) =>
  problem('U005', `there is no run ${id}`, { help: '`pipe runs` lists them; @last is the newest' });

export async function show(id: string, options: GlobalOptions): Promise<number> {
  const record = find(id, options);
  if (!record) return failWith([unknownRun(id)], options);
  if (options.json) {
    printJson(record);
    return 0;
  }
  print(
    `${paint('bold', record.id)}  ${escapeForTerminal(record.pipeline)}  ${record.startedAt}${record.commit ? `  commit ${record.commit.slice(0, 10)}` : ''}\n`,
  );
  const names = Object.keys(record.summary.stages);
  const width = Math.max(...names.map((name) => name.length), 0);
  for (const [name, result] of Object.entries(record.summary.stages))
    print(`${stageLine(name, result, width, paint)}\n`);
  for (const text of closingLines(record.summary, paint)) print(`${text}\n`);
  return 0;
}

/** Metrics side by side, and the settings that differ from the first run's. */
export async function compare(ids: readonly string[], options: GlobalOptions): Promise<number> {
  const found = ids.map((id) => ({ id, record: find(id, options) }));
  const missing = found.filter(({ record }) => !record).map(({ id }) => unknownRun(id));
  if (missing.length > 0) return failWith(missing, options);
  const chosen = found.flatMap(({ record }) => record ?? []);
  const [first] = chosen;
  if (!first) return 0;
  const changes = Object.fromEntries(
    chosen.slice(1).map((record) => [
      record.id,
      Object.entries(record.records).flatMap(([stage, after]) => {
        const before = first.records[stage];
        return before
          ? changesBetween(before, after).map((change) => `${stage}.${describeChange(change)}`)
          : [`${stage} (new)`];
      }),
    ]),
  );
  if (options.json) {
    printJson({ runs: chosen.map(({ id, summary }) => ({ id, metrics: summary.metrics })), changes });
    return 0;
  }
  const names = [
    ...new Set(
      chosen.flatMap(({ summary }) =>
        Object.entries(summary.metrics).flatMap(([stage, values]) =>
          Object.keys(values).map((name) => `${stage}.${name}`),
        ),
      ),
    ),
  ];
  const width = Math.max(...names.map((name) => name.length), 4);
  print(`  ${''.padEnd(width)}  ${chosen.map(({ id }) => id.padStart(22)).join('')}\n`);
  for (const name of names) {
    const [stage = '', ...rest] = name.split('.');
    const values = chosen.map(({ summary }) => summary.metrics[stage]?.[rest.join('.')]);
    print(
      `  ${escapeForTerminal(name).padEnd(width)}  ${values.map((value) => (value === undefined ? '–' : value.toPrecision(6)).padStart(22)).join('')}\n`,
    );
  }
  for (const [id, lines] of Object.entries(changes))
    print(`  ${id}: ${lines.length === 0 ? 'no setting differs' : escapeForTerminal(lines.join(', '))}\n`);
  return 0;
}

import { extname, join } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { escapeForTerminal } from '../../base/escape.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RowTraffic } from '../../cache/row-store.ts';
import { writeFileAtomically } from '../../files/atomic-file.ts';
import { findPipelineFile, locateProject, pathFromRoot } from '../../files/project.ts';
import { CacheWriteError } from '../../files/write-error.ts';
import { showBytes, showCount, showDuration } from '../../report/duration.ts';
import { jsonLine } from '../../report/json-lines.ts';
import { canBeLive } from '../../report/live.ts';
import { type SweepReporter, sweepLines } from '../../report/sweep-lines.ts';
import { liveSweep } from '../../report/sweep-live.ts';
import { trialTableLines } from '../../report/trials.ts';
import { type Prediction, predictTime } from '../../runs/predict-time.ts';
import { CountedRows, countPlannedRows } from '../../scheduler/planned-rows.ts';
import { encodeTrials, exportFormats } from '../../sweep/export-trials.ts';
import type { Goal } from '../../sweep/goal.ts';
import { measuredBySweeps, readSweepRecord, sweepsFolder } from '../../sweep/sweep-record.ts';
import { type TrainingGroups, trainingGroups } from '../../sweep/training-groups.ts';
import { ranked, type TrialResult } from '../../sweep/trial-result.ts';
import { type TrialTable, trialTable } from '../../sweep/trial-table.ts';
import { cacheFolder, exitOf, failWith, type GlobalOptions, paint, print, printError, printJson } from '../output.ts';
import { planSweep, type SweepRunOptions, sweepPipeline } from '../sweep-pipeline.ts';
import { type SweptFile, writeBest } from '../write-best.ts';
import { listenForSignals, runOptionsOf, sharingOf } from './run.ts';

const exportHelp = 'or `pipe sweep show --export csv` afterwards';

export async function sweep(file: string, more: readonly string[], options: GlobalOptions): Promise<number> {
  const asked = sweepOptionsOf(options);
  if (!asked.ok) return failWith([asked.error], options);
  if (file === 'show') return show(more[0] ?? '@last', options);
  if (exportFormat(options) !== undefined && options['out'] === undefined)
    return failWith([problem('U001', '--export needs --out FILE while a sweep runs', { help: exportHelp })], options);
  if (options['dryRun']) return dryRun(file, asked.value, options);
  const interruption = listenForSignals();
  const reporter = chooseSweepReporter(options);
  try {
    const done = await sweepPipeline(file, {
      ...asked.value,
      signal: interruption.signal,
      emit: (event) => reporter.emit(event),
    });
    reporter.close();
    if (!done.ok) {
      if (!options.json) return failWith(done.error, options);
      for (const diagnostic of done.error) print(jsonLine({ event: 'diagnostic', diagnostic }));
      return finish({ outcome: 'failed', exitCode: exitOf(done.error) });
    }
    const { trials, settings, outcome, exitCode, durationMs, run, stages, overrides, features } = done.value;
    const { goal } = settings;
    if (!options.json) {
      showTrials(trialTable(trials, goal), options);
      const parts = [closing(trials), ...featureWords(features), showDuration(durationMs), `sweep ${run}`];
      print(paint('dim', `  ${parts.join(' · ')}\n`));
      if (outcome === 'interrupted')
        print(paint('yellow', '  interrupted; what was finished is kept, the same command goes on from there\n'));
    }
    const path = findPipelineFile(file, process.cwd()) ?? file;
    const handed = outcome === 'interrupted' ? 0 : await handOn({ file: path, overrides, trials }, goal, options);
    const code = exitCode === 0 ? handed : exitCode;
    if (options.json)
      finish({ run, outcome, exitCode: code, durationMs, stages, trials: ranked(trials), goal, features });
    return code;
  } finally {
    reporter.close();
    interruption.stop();
  }
}

function sweepOptionsOf(options: GlobalOptions): Result<SweepRunOptions, Diagnostic> {
  const over = options['over'];
  for (const name of ['trials', 'jobs'] as const) {
    const given = options[name];
    if (given !== undefined && !(Number.isInteger(Number(given)) && Number(given) >= 1))
      return err(problem('U001', `--${name} takes a whole number from 1 on, not ${String(given)}`));
  }
  if (options['out'] !== undefined && exportFormat(options) === undefined)
    return err(
      problem('U001', `--out ${String(options['out'])}: in which format?`, {
        help: `--export ${exportFormats.join('|')}, or a name that ends so`,
      }),
    );
  return ok({
    ...runOptionsOf(options),
    ...sharingOf(options),
    over: Array.isArray(over) ? over.map(String) : [],
    ...(typeof options['strategy'] === 'string' && { strategy: options['strategy'] }),
    ...(typeof options['goal'] === 'string' && { goal: options['goal'] }),
    ...(options['trials'] !== undefined && { trials: Number(options['trials']) }),
  });
}

function chooseSweepReporter(options: GlobalOptions): SweepReporter {
  if (options.json) return { emit: (event) => print(jsonLine(event)), close() {} };
  const lines = { write: print, writeError: printError, paint, quiet: options.quiet ?? false };
  const { isTTY = false, columns = 0 } = process.stdout;
  const live = canBeLive({ isTTY, columns }) && !process.env['CI'] && !options.quiet;
  const size = () => ({ columns: process.stdout.columns, rows: process.stdout.rows || 24 });
  return live ? liveSweep({ ...lines, size }) : sweepLines(lines);
}

/** The last line of `--json`, whatever happened. */
function finish(summary: {
  readonly outcome: string;
  readonly exitCode: number;
  readonly [member: string]: unknown;
}): number {
  const empty = { run: '', durationMs: 0, stages: {}, metrics: {}, artifacts: {}, trials: [] };
  print(`${JSON.stringify({ event: 'run-finished', at: new Date().toISOString(), ...empty, ...summary })}\n`);
  return summary.exitCode;
}

/** The table for people; the first row alone under `--best`. */
function showTrials(table: TrialTable, options: GlobalOptions): void {
  const rows = options['best'] === true ? table.rows.slice(0, 1) : table.rows;
  for (const line of trialTableLines({ ...table, rows }, paint)) print(`${line}\n`);
}

/** Nothing where nothing was shared. */
function featureWords({ read, given }: RowTraffic): readonly string[] {
  return given > read ? [`${showBytes(read)} of features read, ${showBytes(given)} one by one`] : [];
}

function closing(trials: readonly TrialResult[]): string {
  const count = (status: TrialResult['status']) => trials.filter((trial) => trial.status === status).length;
  return [
    `${trials.length} trial${trials.length === 1 ? '' : 's'}`,
    `${count('cached')} cached`,
    ...(count('failed') > 0 ? [`${count('failed')} failed`] : []),
    ...(count('skipped') > 0 ? [`${count('skipped')} not run`] : []),
  ].join(' · ');
}

/** What the sweep would cost, and nothing is run. */
async function dryRun(file: string, asked: SweepRunOptions, options: GlobalOptions): Promise<number> {
  const planned = await planSweep(file, asked);
  if (!planned.ok) return failWith(planned.error, options);
  const { plan, settings, context } = planned.value;
  const stages = plan.plan.stages;
  const toRun = stages.filter(({ status }) => status === 'run');
  const counted = new CountedRows();
  const rows = await Promise.all(stages.map((stage) => countPlannedRows(plan.plan, stage, context.workspace, counted)));
  const newOf = new Map(stages.map((stage, i) => [stage, rows[i] && rows[i].total - rows[i].cached]));
  const newRows = [...newOf.values()].reduce((sum: number, count) => sum + (count ?? 0), 0);
  const time = predictTime(
    plan.plan,
    context.workspace,
    (stage) => newOf.get(stage),
    measuredBySweeps(
      sweepsFolder(context.workspace.project),
      pathFromRoot(context.workspace.project.root, plan.plan.config.path),
    ),
  );
  const shared = stages.filter(({ name }) =>
    plan.trials.every((trial) => trial.stages.every((names) => names.includes(name))),
  );
  const once = new Set(shared);
  const ms = [...time.stages].reduce(
    (sum, [stage, taken]) => sum + taken * (once.has(stage) ? 1 : settings.wholeWork),
    0,
  );
  const groups = trainingGroups(plan.plan);
  /** Later trials hang on how the first ones do. */
  const open = plan.trials.length < settings.combinations;
  const answer = {
    trials: settings.combinations,
    seeds: settings.seeds,
    planned: plan.trials.length,
    strategy: settings.strategyName,
    stages: stages.length,
    stagesToRun: toRun.length,
    shared: shared.map(({ name }) => name),
    rowsToExtract: newRows,
    ...(groups && { groups }),
    predictedMinutes: time.unknown.length > 0 || (open && ms === 0) ? null : ms / 60_000,
  };
  const known = open ? `; the first ${showCount(answer.planned)} are known beforehand` : '';
  if (options.json) print(`${JSON.stringify(answer)}\n`);
  else
    print(
      [
        `  ${showCount(answer.trials)} trial${answer.trials === 1 ? '' : 's'} (${answer.strategy})${answer.seeds > 1 ? ` of ${answer.seeds} runs each` : ''}${known},${open ? ' with' : ''} ${showCount(answer.stages)} stages, ${showCount(answer.stagesToRun)} to run`,
        `  shared by all: ${escapeForTerminal(answer.shared.join(', ')) || 'nothing'}`,
        `  ${showCount(newRows)} rows to extract`,
        ...(groups ? [groupWords(groups)] : []),
        `  ${timeWords(ms, time, open)}\n`,
      ].join('\n'),
    );
  return 0;
}

function groupWords({ trainings, together, groups, bytes }: TrainingGroups): string {
  const passes = groups === 1 ? 'in one group' : `in ${showCount(groups)} groups`;
  return `  ${showCount(trainings)} trainings ${passes} of at most ${together} side by side, in at most ${showBytes(bytes)} of memory`;
}

function timeWords(ms: number, { unknown }: Prediction, open: boolean): string {
  if (unknown.length > 0) return `time: unknown, since no earlier run tells how long ${unknown.join(', ')} takes`;
  if (ms === 0 && open) return 'time: none for those, all is cached; of the rest nothing is known yet';
  return ms === 0 ? 'time: none, all is cached' : `time: at most about ${showDuration(ms)}, going by earlier runs`;
}

/** `pipe sweep show [ID]`: a finished sweep, as a table or exported. */
async function show(id: string, options: GlobalOptions): Promise<number> {
  const shared = ['tensorboard', 'mlflow'].find((name) => options[name] !== undefined);
  if (shared)
    return failWith(
      [
        problem('U001', `--${shared} goes with a sweep that runs`, {
          help: `run it again with --${shared}: what is cached does not run`,
        }),
      ],
      options,
    );
  const project = locateProject(join(process.cwd(), 'x'), process.env, cacheFolder(options));
  const record = readSweepRecord(sweepsFolder(project), id);
  if (!record)
    return failWith(
      [
        problem('U005', `there is no sweep ${id}`, {
          help: '@last is the newest, @last~1 the one before; `pipe sweep FILE` makes one',
        }),
      ],
      options,
    );
  const { trials } = record.summary;
  const toStdout = exportFormat(options) !== undefined && options['out'] === undefined;
  if (options.json && !toStdout) printJson(record);
  else if (!toStdout) showTrials(trialTable(trials, record.goal), options);
  return handOn(
    { file: join(project.root, record.pipeline), overrides: record.overrides, trials },
    record.goal,
    options,
  );
}

/** `--export csv`, or the ending of `--out trials.csv`. */
function exportFormat(options: GlobalOptions): (typeof exportFormats)[number] | undefined {
  const { export: format, out } = options;
  const named = typeof format === 'string' ? format : typeof out === 'string' ? extname(out).slice(1) : undefined;
  return exportFormats.find((name) => name === named);
}

/** `--export`, `--write`: the trials as other files. @returns the exit code. */
async function handOn(swept: SweptFile, goal: Goal, options: GlobalOptions): Promise<number> {
  const format = exportFormat(options);
  const { out, write } = options;
  const say = (text: string) => {
    if (!options.json && !options.quiet) print(paint('dim', `  ${escapeForTerminal(text)}\n`));
  };
  if (format) {
    const bytes = await encodeTrials(trialTable(swept.trials, goal), format);
    if (typeof out !== 'string') process.stdout.write(bytes);
    else {
      try {
        writeFileAtomically(out, bytes);
      } catch (error) {
        if (!(error instanceof CacheWriteError)) throw error;
        return failWith([problem('K001', error.message, { help: 'write it to another folder' })], options);
      }
      say(`wrote ${out}`);
    }
  }
  if (typeof write !== 'string') return 0;
  const written = await writeBest(swept, write);
  if (!written.ok) return failWith(written.error, options);
  say(`wrote ${written.value.path} with the settings of trial ${written.value.trial}`);
  return 0;
}

import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { problem } from '../../base/diagnostic.ts';
import { escapeForTerminal } from '../../base/escape.ts';
import { writeFileAtomically } from '../../files/atomic-file.ts';
import { findPipelineFile, locateProject } from '../../files/project.ts';
import { diagnosticFrame } from '../../report/diagnostic-frame.ts';
import { showCount, showDuration } from '../../report/duration.ts';
import { jsonLine } from '../../report/json-lines.ts';
import { trialLine, trialTableLines } from '../../report/trials.ts';
import { countPlannedRows } from '../../scheduler/planned-rows.ts';
import { bestFile } from '../../sweep/best-file.ts';
import { encodeTrials, exportFormats } from '../../sweep/export-trials.ts';
import { ranked, type SweepEvent, type TrialResult } from '../../sweep/run-sweep.ts';
import { readSweepRecord, sweepsFolder } from '../../sweep/sweep-record.ts';
import { trialTable } from '../../sweep/trial-table.ts';
import { cacheFolder, exitOf, failWith, type GlobalOptions, paint, print, printError } from '../output.ts';
import { planSweep, type SweepRunOptions, sweepPipeline } from '../sweep-pipeline.ts';
import { listenForSignals, runOptionsOf } from './run.ts';

export async function sweep(file: string, more: readonly string[], options: GlobalOptions): Promise<number> {
  if (file === 'show') return show(more[0] ?? '@last', options);
  const asked = sweepOptionsOf(options);
  if (options['dryRun']) return dryRun(file, asked, options);
  const interruption = listenForSignals();
  try {
    const done = await sweepPipeline(file, {
      ...asked,
      signal: interruption.signal,
      emit: (event) => (options.json ? print(jsonLine(event)) : say(event, options)),
    });
    if (!done.ok) {
      if (!options.json) return failWith(done.error, options);
      for (const diagnostic of done.error) print(jsonLine({ event: 'diagnostic', diagnostic }));
      return finish({ outcome: 'failed', exitCode: exitOf(done.error) });
    }
    const { trials, settings, outcome, exitCode, durationMs, run, stages } = done.value;
    const { goal } = settings;
    if (options.json) return finish({ run, outcome, exitCode, durationMs, stages, trials: ranked(trials), goal });
    for (const line of trialTableLines(trialTable(trials, goal), paint)) print(`${line}\n`);
    print(paint('dim', `  ${closing(trials)} · ${showDuration(durationMs)} · sweep ${run}\n`));
    const path = findPipelineFile(file, process.cwd()) ?? file;
    return writeBest(path, trials, options) ?? exitCode;
  } finally {
    interruption.stop();
  }
}

function sweepOptionsOf(options: GlobalOptions): SweepRunOptions {
  const over = options['over'];
  return {
    ...runOptionsOf(options),
    over: Array.isArray(over) ? over.map(String) : [],
    ...(typeof options['strategy'] === 'string' && { strategy: options['strategy'] }),
    ...(typeof options['goal'] === 'string' && { goal: options['goal'] }),
    ...(options['trials'] !== undefined && { trials: Number(options['trials']) }),
  };
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

function say(event: SweepEvent, options: GlobalOptions): void {
  if (event.event === 'diagnostic') printError(`${diagnosticFrame(event.diagnostic)}\n`);
  if (options.quiet) return;
  if (event.event === 'trial-finished') print(`${trialLine(event, 'log-loss', paint)}\n`);
  if (event.event === 'stage-finished' && event.status === 'ran' && event.rows && event.rows.computed > 0)
    print(paint('dim', `  ${escapeForTerminal(event.stage)}: ${showCount(event.rows.computed)} rows computed\n`));
}

function closing(trials: readonly TrialResult[]): string {
  const count = (status: TrialResult['status']) => trials.filter((trial) => trial.status === status).length;
  return [
    `${trials.length} trials`,
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
  const rows = await Promise.all(stages.map((stage) => countPlannedRows(plan.plan, stage, context.workspace)));
  const newRows = rows.reduce((sum, count) => sum + (count ? count.total - count.cached : 0), 0);
  const shared = stages.filter(({ name }) =>
    plan.trials.every((trial) => trial.stages.every((names) => names.includes(name))),
  );
  const answer = {
    trials: settings.combinations * settings.seeds,
    planned: plan.trials.length,
    strategy: settings.strategyName,
    stages: stages.length,
    stagesToRun: toRun.length,
    shared: shared.map(({ name }) => name),
    rowsToExtract: newRows,
  };
  if (options.json) print(`${JSON.stringify(answer)}\n`);
  else
    print(
      [
        `  ${showCount(answer.trials)} trials (${answer.strategy}), ${showCount(answer.stages)} stages, ${showCount(answer.stagesToRun)} to run`,
        `  shared by all: ${escapeForTerminal(answer.shared.join(', ')) || 'nothing'}`,
        `  ${showCount(newRows)} rows to extract\n`,
      ].join('\n'),
    );
  return 0;
}

/** `pipe sweep show [ID]`: a finished sweep, as a table or exported. */
async function show(id: string, options: GlobalOptions): Promise<number> {
  const project = locateProject(join(process.cwd(), 'x'), process.env, cacheFolder(options));
  const record = readSweepRecord(sweepsFolder(project), id);
  if (!record)
    return failWith(
      [problem('U005', `there is no sweep ${id}`, { help: '@last is the newest; `pipe sweep FILE` makes one' })],
      options,
    );
  const table = trialTable(record.summary.trials, record.goal);
  const format = exportFormats.find((name) => name === options['export']);
  if (format) {
    const bytes = await encodeTrials(table, format);
    if (typeof options['out'] === 'string') writeFileAtomically(options['out'], bytes);
    else process.stdout.write(bytes);
  } else if (options.json) print(`${JSON.stringify(record)}\n`);
  else for (const line of trialTableLines(table, paint)) print(`${line}\n`);
  return writeBest(join(project.root, record.pipeline), record.summary.trials, options) ?? 0;
}

/** `--best --write FILE`. @returns a promise of the exit code where it was asked for. */
function writeBest(file: string, trials: readonly TrialResult[], options: GlobalOptions): Promise<number> | undefined {
  const given = options['write'];
  if (typeof given !== 'string') return undefined;
  // A bare name lies beside the pipeline file: the relative paths in it stay right there.
  const target = given === basename(given) ? join(dirname(file), given) : given;
  const [best] = ranked(trials);
  if (!best || Number.isNaN(best.score))
    return Promise.resolve(failWith([problem('S001', 'no trial gave a number, so none is the best')], options));
  return bestFile(readFileSync(file, 'utf8'), best.settings).then((text) => {
    writeFileAtomically(target, text);
    if (!options.json)
      print(paint('dim', `  wrote ${escapeForTerminal(target)} with the settings of trial ${best.trial}\n`));
    return 0;
  });
}

/** From a pipeline file with a `sweep:` block, or `--over`, to its results. */
import { resolve } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { openPipelineFile } from '../config/parse-pipeline.ts';
import { optionText, type Place } from '../config/source-text.ts';
import { pathFromRoot } from '../files/project.ts';
import { noDrafts } from '../plan/make-plan.ts';
import { newRunId } from '../runs/run-record.ts';
import type { RunSummary } from '../scheduler/events.ts';
import { readOver } from '../sweep/over-option.ts';
import { type PlannedTrial, type PlanTrialsContext, planTrials, type SweepPlan } from '../sweep/plan-trials.ts';
import { firstTrials, runSweep, type SweepEvent, type SweepSummary } from '../sweep/run-sweep.ts';
import { sweepsFolder, writeSweepRecord } from '../sweep/sweep-record.ts';
import { readSweep, type SweepSettings } from '../sweep/sweep-settings.ts';
import { SweptRuns } from '../sweep/swept-runs.ts';
import { trialRuns } from '../sweep/trial-record.ts';
import { openPipeline, parseOptionsOf } from './compose.ts';
import type { RunOptions } from './run-pipeline.ts';

export interface SweepRunOptions extends Omit<RunOptions, 'emit' | 'share'> {
  /** Hands each trial, as a run of its own, to other tools. */
  readonly share?: RunOptions['share'];
  /** `--over` arguments; with any, the file's `sweep:` block counts only for what they do not say. */
  readonly over?: readonly string[];
  readonly strategy?: string;
  /** `minimize:score.log-loss` */
  readonly goal?: string;
  readonly trials?: number;
  readonly emit?: (event: SweepEvent) => void;
}

export interface OpenSweep {
  readonly settings: SweepSettings;
  readonly context: PlanTrialsContext;
  readonly over: Json;
}

/** Everything that a sweep needs, checked. */
export async function openSweep(
  file: string,
  options: SweepRunOptions,
): Promise<Result<OpenSweep, readonly Diagnostic[]>> {
  const opened = await openPipeline(file, options);
  if (!opened.ok) return opened;
  const { workspace, config, kinds } = opened.value;
  const reopened = await openPipelineFile(config.path, parseOptionsOf(options, workspace));
  if (!reopened.ok) return reopened;
  reopened.value.check([]);
  const block = await sweepBlock(config.sweep?.value, options);
  if (!block.ok) return err([block.error]);
  const at = (pointer: string) =>
    isWritten(config.sweep?.value, pointer, options) ? config.sweep?.location(pointer) : undefined;
  const settings = readSweep({ block: block.value, at }, config, kinds);
  if (!settings.ok) return err([settings.error]);
  const context: PlanTrialsContext = {
    file: reopened.value,
    base: { config, kinds },
    workspace,
    goal: settings.value.goal,
    goalAt: at(`goal/${settings.value.goal.direction}`),
    overAt: (path) => at(`over/${path}`),
    options: { kinds, force: options.force ?? 'none', offline: options.offline ?? false, previous: () => undefined },
    place: (path): Place => ({
      source: { ...optionText(path, config.path), shown: `sweep ${path}` },
      start: 0,
      end: path.length,
    }),
    memo: noDrafts(),
    names: new Map(),
  };
  return ok({ settings: settings.value, context, over: block.value['over'] ?? {} });
}

/** Whether the file says a part of the block, and the command line does not say it instead. */
function isWritten(
  block: Json | undefined,
  pointer: string,
  { over, goal, strategy, trials }: SweepRunOptions,
): boolean {
  const [part = ''] = pointer.split('/');
  const said = { over: over?.length, goal, strategy, limit: trials }[part];
  return !said && part in objectOf(block);
}

async function sweepBlock(
  written: Json | undefined,
  options: SweepRunOptions,
): Promise<Result<JsonObject, Diagnostic>> {
  const block: Record<string, Json> = { ...objectOf(written) };
  if (options.over?.length) {
    const over = new Map<string, Json>();
    for (const words of options.over) {
      const read = await readOver(words);
      if (!read.ok) return read;
      const [path, values] = read.value;
      if (over.has(path))
        return err(
          problem('U002', `--over names ${path} twice`, { help: `give all values at once: --over ${path}=A,B` }),
        );
      over.set(path, values);
    }
    block['over'] = Object.fromEntries(over);
  }
  if (options.strategy !== undefined) block['strategy'] = options.strategy;
  if (options.goal !== undefined) {
    const [, direction, path = ''] = /^(minimize|maximize):(.+)$/.exec(options.goal) ?? [];
    if (direction === undefined)
      return err(
        problem('U002', `--goal ${options.goal} is not DIRECTION:STAGE.METRIC`, {
          help: 'for example --goal minimize:score.log-loss or --goal maximize:score.accuracy',
        }),
      );
    block['goal'] = { [direction]: path };
  }
  if (options.trials !== undefined) block['limit'] = { ...objectOf(block['limit']), trials: options.trials };
  return ok(block);
}

function objectOf(value: Json | undefined): JsonObject {
  return value !== undefined && isJsonObject(value) ? value : {};
}

/** Plans the trials that are known beforehand, and runs nothing. */
export async function planSweep(
  file: string,
  options: SweepRunOptions,
): Promise<Result<OpenSweep & { readonly plan: SweepPlan }, readonly Diagnostic[]>> {
  const opened = await openSweep(file, options);
  if (!opened.ok) return opened;
  const { settings, context } = opened.value;
  const plan = await planTrials(firstTrials(settings, context.base.config.seed), context);
  return plan.ok ? ok({ ...opened.value, plan: plan.value }) : plan;
}

export interface SweptPipeline extends SweepSummary, Pick<OpenSweep, 'settings'> {
  /** Settings that `--set` gave all trials. */
  readonly overrides: Readonly<Record<string, Json>>;
}

/** Runs a sweep. Problems of the file come as diagnostics; failed trials are listed in the summary. */
export async function sweepPipeline(
  file: string,
  options: SweepRunOptions = {},
): Promise<Result<SweptPipeline, readonly Diagnostic[]>> {
  const startedAt = new Date();
  const opened = await openSweep(file, options);
  if (!opened.ok) return opened;
  const { settings, context, over } = opened.value;
  const { share } = options;
  const runs = new SweptRuns();
  // A server that does not take one trial would have to be waited for at each.
  let refused = false;
  const noteTrial = async (trial: PlannedTrial, plan: SweepPlan, done: RunSummary) => {
    const problems: Diagnostic[] = [];
    for (const { record, details } of trialRuns(trial, plan, done, context.workspace, startedAt)) {
      runs.add(record);
      if (share && !refused) problems.push(...(await share(record, details())));
    }
    refused ||= problems.length > 0;
    return problems.map((diagnostic) => ({
      ...diagnostic,
      help: 'the trials are kept: the same command hands them on again without running them',
    }));
  };
  const summary = await runSweep(settings, context, {
    note: noteTrial,
    run: newRunId(startedAt),
    jobs: options.jobs ?? 1,
    engine: options.engine ?? 'auto',
    device: options.device,
    strictProducer: undefined,
    offline: options.offline ?? false,
    signal: options.signal ?? new AbortController().signal,
    emit: options.emit ?? (() => undefined),
    now: () => performance.now(),
  });
  if (!summary.ok) return summary;
  const { config } = context.base;
  const { project } = context.workspace;
  const { outcome, exitCode, durationMs, trials, measured } = summary.value;
  runs.write(sweepsFolder(project), summary.value.run);
  writeSweepRecord(sweepsFolder(project), {
    format: 1,
    id: summary.value.run,
    startedAt: startedAt.toISOString(),
    pipeline: pathFromRoot(project.root, resolve(config.path)),
    strategy: settings.strategyName,
    over,
    overrides: config.overrides,
    goal: settings.goal,
    measured,
    summary: { outcome, exitCode, durationMs, trials },
  });
  return ok({ ...summary.value, settings, overrides: config.overrides });
}

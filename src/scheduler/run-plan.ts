/**
 * Walks a plan. A stage whose fingerprint is cached is done; the others run when what they read is there. When a body
 * finds an input damaged, the stage behind it runs again first.
 */
import { type Diagnostic, type ExitCode, exitCodeOf } from '../base/diagnostic.ts';
import type { CacheEntry } from '../cache/entry-store.ts';
import type { Device, EngineId, Producer } from '../engines/engine.ts';
import { artifactOf, type Plan, type PlannedStage, stageOf } from '../plan/plan.ts';
import type { Reason } from '../plan/reason.ts';
import type { Workspace } from '../plan/workspace.ts';
import type { Artifact } from '../stages/artifacts.ts';
import type { StageFailure, StageOutcome } from '../stages/stage-kind.ts';
import { EnginePool } from './engine-pool.ts';
import type { Emit, RunSummary, StageResult } from './events.ts';
import { DamagedOutput, placeOutputs } from './output-files.ts';
import { runStage } from './run-stage.ts';
import { StageGroups } from './stage-groups.ts';
import { summaryOf } from './summary.ts';

export interface RunPlanOptions {
  readonly run: string;
  /** Stages at the same time. */
  readonly jobs: number;
  /** Go on with what does not depend on a failed stage. */
  readonly keepGoing: boolean;
  readonly engine: EngineId | 'auto';
  readonly device?: Device | undefined;
  /** The producer that row keys carry under `--strict-engine`. */
  readonly strictProducer: Producer | undefined;
  readonly offline: boolean;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Engines that outlive this run; the caller closes them. */
  readonly engines?: EnginePool;
  /** Whether trainings that differ in their epochs alone go on from each other. */
  readonly lineages?: boolean;
  /** Whether files for people are put into place. */
  readonly placesOutputs?: boolean;
}

/** How often damaged inputs of one stage are made again before the run gives up. */
const MOST_REPAIRS = 3;

/** State of a run in progress; everything that ends up in the summary. */
interface Walk {
  readonly plan: Plan;
  readonly workspace: Workspace;
  readonly options: RunPlanOptions;
  readonly engines: EnginePool;
  /** Entries of finished stages: cached ones from the start, the others as they are committed. */
  readonly entries: Map<string, CacheEntry>;
  readonly results: Map<string, StageResult>;
  readonly metrics: Map<string, Readonly<Record<string, number>>>;
  readonly outputs: Map<string, Readonly<Record<string, string>>>;
  readonly running: Map<string, Promise<boolean>>;
  readonly groups: StageGroups;
  exitCode: ExitCode;
}

export async function runPlan(plan: Plan, workspace: Workspace, options: RunPlanOptions): Promise<RunSummary> {
  const started = performance.now();
  const { emit } = options;
  const walk: Walk = {
    plan,
    workspace,
    options,
    engines: options.engines ?? new EnginePool(options, (diagnostic) => emit({ event: 'diagnostic', diagnostic })),
    entries: new Map(),
    results: new Map(),
    metrics: new Map(),
    outputs: new Map(),
    running: new Map(),
    groups: new StageGroups(),
    exitCode: 0,
  };
  emit({
    event: 'run-started',
    format: 1,
    pipeline: plan.config.name,
    run: options.run,
    stages: plan.stages.map(({ name }) => name),
  });
  for (const stage of plan.stages) {
    for (const diagnostic of stage.resolved.warnings ?? [])
      emit({ event: 'diagnostic', diagnostic, stage: stage.name });
    if (stage.entry) walk.entries.set(stage.name, stage.entry);
  }
  try {
    await walkStages(walk);
  } finally {
    if (!options.engines) await walk.engines.close();
  }
  const summary = summaryOf(plan, walk, options, performance.now() - started);
  emit({ event: 'run-finished', ...summary });
  return summary;
}

/** Starts stages whose inputs are settled, at most `jobs` at once, until nothing is left to start. */
async function walkStages(walk: Walk): Promise<void> {
  const waiting = [...walk.plan.stages];
  const active = new Set<Promise<void>>();
  const stopped = () => walk.options.signal.aborted || (walk.exitCode !== 0 && !walk.options.keepGoing);
  while (waiting.length > 0 || active.size > 0) {
    for (const stage of waiting.filter((candidate) => settledInputs(walk, candidate))) {
      if (stage.status === 'run' && !walk.groups.mayStart(stage, artifactsBehind(walk, stage), walk.options.jobs))
        continue;
      waiting.splice(waiting.indexOf(stage), 1);
      if (stopped() && stage.status === 'run') finish(walk, stage, 'skipped', stage.reason, 0);
      else if (await settleWithoutRunning(walk, stage)) continue;
      else {
        walk.groups.enter(stage, artifactsBehind(walk, stage));
        const work: Promise<void> = ensure(walk, stage.name).then(() => {
          active.delete(work);
          walk.groups.leave(stage);
        });
        active.add(work);
      }
    }
    if (active.size > 0) await Promise.race(active);
  }
}

function artifactsBehind(walk: Walk, stage: PlannedStage): Readonly<Record<string, Artifact>> {
  return Object.fromEntries(
    Object.entries(stage.inputs).flatMap(([port, input]) => {
      const entry = walk.entries.get(input.stage);
      const artifact = entry && artifactOf(entry, input.artifact);
      return artifact ? [[port, artifact] as const] : [];
    }),
  );
}

function settledInputs(walk: Walk, stage: PlannedStage): boolean {
  return Object.values(stage.inputs).every((input) => walk.results.has(input.stage));
}

/** Cached and unneeded stages, and those behind a failed one. */
async function settleWithoutRunning(walk: Walk, stage: PlannedStage): Promise<boolean> {
  const failed = Object.values(stage.inputs).find((input) => !walk.entries.has(input.stage) && stage.status === 'run');
  const upstream = failed && walk.results.get(failed.stage);
  if (
    failed &&
    upstream &&
    (upstream.status === 'failed' || upstream.status === 'skipped') &&
    upstream.reason.type !== 'not-needed'
  ) {
    finish(walk, stage, 'skipped', { type: 'upstream-failed', stage: failed.stage }, 0);
    return true;
  }
  if (stage.status === 'not-needed') {
    finish(walk, stage, 'skipped', stage.reason, 0);
    return true;
  }
  if (stage.status !== 'cached' || !stage.entry) return false;
  walk.workspace.cache.entries.touch(stage.fingerprint);
  return settleEntry(walk, stage, stage.entry, 'cached', stage.reason, 0);
}

/** Runs a stage (once, however many ask), and before it whatever it reads that is not there. @returns whether it has an entry now. */
function ensure(walk: Walk, name: string, reason?: Reason): Promise<boolean> {
  const running = walk.running.get(name);
  if (running) return running;
  const work = runToEnd(walk, stageOf(walk.plan, name), reason).finally(() => walk.running.delete(name));
  walk.running.set(name, work);
  return work;
}

async function runToEnd(walk: Walk, stage: PlannedStage, because?: Reason): Promise<boolean> {
  const { emit, signal } = walk.options;
  const reason = because ?? stage.reason;
  const started = performance.now();
  emit({ event: 'stage-started', stage: stage.name, kind: stage.kind.kind, reason });
  for (let repairs = 0; ; repairs++) {
    for (const input of Object.values(stage.inputs)) {
      if (walk.entries.has(input.stage)) continue;
      if (await ensure(walk, input.stage, { type: 'lost' })) continue;
      finish(walk, stage, 'skipped', { type: 'upstream-failed', stage: input.stage }, performance.now() - started);
      return false;
    }
    const done = await runStage({
      ...walk.options,
      plan: walk.plan,
      workspace: walk.workspace,
      stage,
      engines: walk.engines,
      group: walk.groups.of(stage),
      entries: walk.entries,
      force: reason.type === 'forced',
    });
    const durationMs = performance.now() - started;
    if (done.ok) {
      const { entry, ran } = done.value;
      return settleEntry(walk, stage, entry, ran ? 'ran' : 'cached', ran ? reason : { type: 'cached' }, durationMs);
    }
    if (done.error.reason !== 'damaged-input' || repairs === MOST_REPAIRS || signal.aborted) {
      fail(walk, stage, done.error, reason, durationMs);
      return false;
    }
    if (!(await repair(walk, stage, done.error.port, done.error.detail))) return false;
  }
}

/** Makes a damaged input again: its entry no longer counts, the stage behind it runs. */
async function repair(walk: Walk, stage: PlannedStage, port: string, detail: string): Promise<boolean> {
  const input = stage.inputs[port];
  if (!input) throw new Error(`stage ${stage.name} reports damage at port ${port}, which it does not have`);
  const source = stageOf(walk.plan, input.stage);
  walk.entries.delete(input.stage);
  walk.workspace.cache.entries.remove(source.fingerprint);
  if (await ensure(walk, input.stage, { type: 'damaged', detail })) return true;
  finish(walk, stage, 'skipped', { type: 'upstream-failed', stage: input.stage }, 0);
  return false;
}

/** Places a finished stage's files and notes its metrics; a damaged output makes the stage run. */
async function settleEntry(
  walk: Walk,
  stage: PlannedStage,
  entry: CacheEntry,
  status: 'ran' | 'cached',
  reason: Reason,
  durationMs: number,
): Promise<boolean> {
  walk.entries.set(stage.name, entry);
  const artifacts = artifactsOf(stage, entry);
  try {
    const places = walk.options.placesOutputs ?? true;
    const placed = places ? await placeOutputs(walk.plan, stage, artifacts, walk.workspace) : {};
    if (Object.keys(placed).length > 0) walk.outputs.set(stage.name, placed);
  } catch (error) {
    if (error instanceof DamagedOutput) {
      walk.entries.delete(stage.name);
      walk.workspace.cache.entries.remove(stage.fingerprint);
      return ensureAfter(walk, stage, { type: 'damaged', detail: error.message });
    }
    if (!(error instanceof Error) || error.name !== 'CacheWriteError') throw error;
    fail(walk, stage, { reason: 'diagnostics', diagnostics: [outputProblem(error)] }, reason, durationMs);
    return false;
  }
  noteMetrics(walk, stage, artifacts);
  const rows =
    entry.rows && (status === 'ran' ? entry.rows : { total: entry.rows.total, computed: 0, cached: entry.rows.total });
  finish(walk, stage, status, reason, durationMs, {
    ...(rows && { rows }),
    ...(status === 'cached' && { savedMs: entry.durationMs }),
    ...(entry.producer && { producer: entry.producer }),
  });
  return true;
}

/** Runs a stage again from within its own run, so past the guard that a stage runs once. */
function ensureAfter(walk: Walk, stage: PlannedStage, reason: Reason): Promise<boolean> {
  return runToEnd(walk, stage, reason);
}

function outputProblem(error: Error): Diagnostic {
  return {
    code: 'K001',
    severity: 'error',
    message: error.message,
    help: 'make the folder writable, or give the file another path',
  };
}

function artifactsOf(stage: PlannedStage, entry: CacheEntry): Readonly<Record<string, Artifact>> {
  return Object.fromEntries(
    Object.keys(stage.kind.gives).flatMap((name) => {
      const artifact = artifactOf(entry, name);
      return artifact ? [[name, artifact] as const] : [];
    }),
  );
}

function noteMetrics(walk: Walk, stage: PlannedStage, artifacts: StageOutcome['artifacts']): void {
  for (const artifact of Object.values(artifacts)) {
    if (artifact.type === 'metrics') walk.metrics.set(stage.name, artifact.values);
  }
}

function fail(walk: Walk, stage: PlannedStage, failure: StageFailure, reason: Reason, durationMs: number): void {
  const { emit } = walk.options;
  if (failure.reason === 'interrupted') {
    finish(walk, stage, 'skipped', reason, durationMs);
    return;
  }
  const diagnostics: readonly Diagnostic[] =
    failure.reason === 'diagnostics'
      ? failure.diagnostics
      : [
          {
            code: 'K001',
            severity: 'error',
            message: `${stage.name} reads damaged data again and again: ${failure.detail}`,
            help: 'check the disk, then run `pipe cache verify`',
          },
        ];
  for (const diagnostic of diagnostics) emit({ event: 'diagnostic', diagnostic, stage: stage.name });
  const first = diagnostics.find(({ severity }) => severity === 'error');
  if (walk.exitCode === 0) walk.exitCode = first ? exitCodeOf(first) : 1;
  if (failure.reason === 'diagnostics' && failure.outcome) noteMetrics(walk, stage, failure.outcome.artifacts);
  finish(walk, stage, 'failed', reason, durationMs);
}

function finish(
  walk: Walk,
  stage: PlannedStage,
  status: StageResult['status'],
  reason: Reason,
  durationMs: number,
  more: Partial<StageResult> = {},
): void {
  const result: StageResult = {
    status,
    fingerprint: stage.fingerprint,
    reason,
    ...more,
    durationMs: Math.round(durationMs),
  };
  walk.results.set(stage.name, result);
  const metrics = walk.metrics.get(stage.name);
  walk.options.emit({
    event: 'stage-finished',
    stage: stage.name,
    kind: stage.kind.kind,
    ...(metrics && { metrics }),
    ...result,
  });
}

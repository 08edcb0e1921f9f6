import { type Diagnostic, exitCodeOf } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { Device, EngineId, Producer } from '../engines/engine.ts';
import { commitOf } from '../files/git-commit.ts';
import type { Plan } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import { DEFAULT_TOLERANCE } from '../runs/lock-file.ts';
import { detailsOf, type RunDetails } from '../runs/run-details.ts';
import { RunLog } from '../runs/run-log.ts';
import { newRunId, type RunRecord, runRecordOf, writeRunRecord } from '../runs/run-record.ts';
import { heldToLock, updateLock } from '../runs/update-lock.ts';
import type { Emit, RunSummary } from '../scheduler/events.ts';
import { runPlan } from '../scheduler/run-plan.ts';
import { type PipelineOptions, planPipeline } from './compose.ts';

export interface RunOptions extends PipelineOptions {
  readonly jobs?: number;
  readonly keepGoing?: boolean;
  readonly engine?: EngineId | 'auto';
  /** The best that the engine has, unless given. */
  readonly device?: Device | undefined;
  /** Rows computed by another engine do not count. */
  readonly strictEngine?: boolean;
  /** What becomes of the lock file beside the pipeline: brought up to date, held against the run (`--locked`), or neither. */
  readonly lock?: 'update' | 'check' | 'ignore';
  /** For metrics under `lock: 'check'`; 1e-3 otherwise. */
  readonly tolerance?: number;
  /** Hands the run to other tools before it counts as finished. */
  readonly share?: (record: RunRecord, details: RunDetails) => Promise<readonly Diagnostic[]>;
  readonly signal?: AbortSignal;
  readonly emit?: Emit;
}

/** Runs what is needed of a pipeline. Problems of the file come as diagnostics, a stage's failure as the summary's outcome. */
export async function runPipeline(
  file: string,
  options: RunOptions = {},
): Promise<Result<RunSummary, readonly Diagnostic[]>> {
  const startedAt = new Date();
  const log = new RunLog();
  const emit: Emit = (event) => {
    log.note(event);
    options.emit?.(event);
  };
  const planned = await planPipeline(file, {
    warn: (diagnostic) => emit({ event: 'diagnostic', diagnostic }),
    ...options,
  });
  if (!planned.ok) return planned;
  const { plan, workspace } = planned.value;
  const { lock = 'update', tolerance = DEFAULT_TOLERANCE } = options;
  if (lock === 'check') {
    const differing = await heldToLock(plan, workspace, { tolerance, beforeRun: true });
    if (differing.length > 0) return err(differing);
  }
  const background = plan.stages.some(({ status }) => status === 'run') ? lookAround(workspace) : undefined;
  const walked = await runPlan(plan, workspace, {
    run: newRunId(startedAt),
    jobs: options.jobs ?? 1,
    keepGoing: options.keepGoing ?? false,
    engine: options.engine ?? 'auto',
    device: options.device,
    strictProducer: options.strictEngine ? await producerOf(options) : undefined,
    offline: options.offline ?? false,
    signal: options.signal ?? new AbortController().signal,
    // The last event comes when the lock file has been seen to.
    emit: (event) => event.event === 'run-finished' || emit(event),
  });
  const locked = await withLock(walked, plan, workspace, { ...options, lock, tolerance, emit });
  const { machine = null, state } = (await background) ?? {};
  const details = detailsOf(plan, workspace, machine, state);
  const record = runRecordOf(plan, workspace, locked, startedAt, state);
  const summary = withProblems(locked, (await options.share?.(record, details)) ?? [], emit);
  emit({ event: 'run-finished', ...summary });
  writeRunRecord(workspace.project.runs, { ...record, summary }, { details, state, log: log.lines() });
  return ok(summary);
}

/** What the record of a run in which stages run tells besides: found out while they run. */
async function lookAround(workspace: Workspace) {
  const { root } = workspace.project;
  const state = commitOf(root) === undefined ? undefined : import('../runs/work-tree-state.ts');
  const { thisMachine } = await import('../runs/machine.ts');
  return { machine: thisMachine(), state: await (await state)?.workTreeState(root) };
}

/** Only a run that succeeded is worth locking. */
async function withLock(
  summary: RunSummary,
  plan: Plan,
  workspace: Workspace,
  { lock, tolerance, emit }: Pick<RunOptions, 'lock'> & { readonly tolerance: number; readonly emit: Emit },
): Promise<RunSummary> {
  if (summary.outcome !== 'succeeded' || lock === 'ignore') return summary;
  const found =
    lock === 'check'
      ? await heldToLock(plan, workspace, { tolerance, beforeRun: false })
      : await updateLock(plan, workspace, tolerance);
  return withProblems(summary, found, emit);
}

/** What went wrong after the stages makes a run fail that had not failed before. */
function withProblems(summary: RunSummary, found: readonly Diagnostic[], emit: Emit): RunSummary {
  for (const diagnostic of found) emit({ event: 'diagnostic', diagnostic });
  const first = found.find(({ severity }) => severity === 'error');
  return first && summary.exitCode === 0 ? { ...summary, outcome: 'failed', exitCode: exitCodeOf(first) } : summary;
}

/** Who will compute: the engine asked for, or the one that `auto` takes. */
async function producerOf({ engine = 'auto', device }: RunOptions): Promise<Producer> {
  const { engineAdapters } = await import('../engines/index.ts');
  const { pickEngine } = await import('../engines/choose-engine.ts');
  const pick = engine === 'auto' ? pickEngine(engineAdapters, device) : { engine, device };
  const found = await engineAdapters.find(({ id }) => id === pick.engine)?.probe();
  return { engine: pick.engine, version: found?.version ?? 'unknown', device: pick.device ?? found?.device ?? 'cpu' };
}

import type { Diagnostic } from '../base/diagnostic.ts';
import { ok, type Result } from '../base/result.ts';
import type { Device, EngineId, Producer } from '../engines/engine.ts';
import { newRunId, writeRunRecord } from '../runs/run-record.ts';
import type { Emit, RunSummary } from '../scheduler/events.ts';
import { runPlan } from '../scheduler/run-plan.ts';
import { type PipelineOptions, planPipeline } from './compose.ts';

export interface RunOptions extends PipelineOptions {
  readonly jobs?: number;
  readonly keepGoing?: boolean;
  readonly engine?: EngineId | 'auto';
  readonly device?: Device;
  /** Rows computed by another engine do not count. */
  readonly strictEngine?: boolean;
  readonly signal?: AbortSignal;
  readonly emit?: Emit;
}

/** Runs what is needed of a pipeline. Problems of the file come as diagnostics, a stage's failure as the summary's outcome. */
export async function runPipeline(
  file: string,
  options: RunOptions = {},
): Promise<Result<RunSummary, readonly Diagnostic[]>> {
  const startedAt = new Date();
  const emit: Emit = options.emit ?? (() => undefined);
  const planned = await planPipeline(file, {
    warn: (diagnostic) => emit({ event: 'diagnostic', diagnostic }),
    ...options,
  });
  if (!planned.ok) return planned;
  const { plan, workspace } = planned.value;
  const summary = await runPlan(plan, workspace, {
    run: newRunId(startedAt),
    jobs: options.jobs ?? 1,
    keepGoing: options.keepGoing ?? false,
    engine: options.engine ?? 'auto',
    device: options.device ?? 'cpu',
    strictProducer: options.strictEngine ? await producerOf(options) : undefined,
    offline: options.offline ?? false,
    signal: options.signal ?? new AbortController().signal,
    emit,
  });
  writeRunRecord(plan, workspace, summary, startedAt);
  return ok(summary);
}

async function producerOf({ engine = 'auto', device = 'cpu' }: RunOptions): Promise<Producer> {
  const { engineAdapters } = await import('../engines/index.ts');
  const id = engine === 'auto' ? 'ort' : engine;
  const found = await engineAdapters.find((adapter) => adapter.id === id)?.probe();
  return { engine: id, version: found?.version ?? 'unknown', device };
}

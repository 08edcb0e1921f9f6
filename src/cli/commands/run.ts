import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { Device, EngineId } from '../../engines/engine.ts';
import { jsonLines } from '../../report/json-lines.ts';
import { plainLines } from '../../report/lines.ts';
import { canBeLive, liveView } from '../../report/live.ts';
import type { Reporter } from '../../report/reporter.ts';
import type { Sharing } from '../../runs/interop/share-run.ts';
import { DEFAULT_TOLERANCE } from '../../runs/lock-file.ts';
import { cacheFolder, exitOf, failWith, type GlobalOptions, paint, print, printError } from '../output.ts';
import { type RunOptions, runPipeline } from '../run-pipeline.ts';
import { plan } from './plan.ts';

const ENGINES: readonly (EngineId | 'auto')[] = ['auto', 'ort', 'tfjs-node-gpu', 'tfjs-node'];
const DEVICES: readonly Device[] = ['cpu', 'cuda', 'webgpu'];

export async function run(file: string, stages: readonly string[], options: GlobalOptions): Promise<number> {
  if (options['dryRun']) return plan(file, stages, options);
  const jobs = Number(options['jobs'] ?? 1);
  if (!Number.isInteger(jobs) || jobs < 1) {
    return failWith(
      [
        {
          code: 'U001',
          severity: 'error',
          message: `--jobs takes a whole number from 1 on, not ${String(options['jobs'])}`,
        },
      ],
      options,
    );
  }
  const tolerance = toleranceIn(options);
  if (!tolerance.ok) return failWith([tolerance.error], options);
  const reporter = chooseReporter(options);
  const abandoned = options.cache === false ? mkdtempSync(join(tmpdir(), 'pipe-no-cache-')) : undefined;
  const interruption = listenForSignals();
  try {
    const summary = await runPipeline(file, {
      ...runOptionsOf(options),
      ...(abandoned !== undefined && { cache: abandoned }),
      targets: stages,
      lock: options['locked'] === true ? 'check' : 'update',
      tolerance: tolerance.value,
      ...sharingOf(options),
      signal: interruption.signal,
      emit: (event) => reporter.emit(event),
    });
    if (summary.ok) return summary.value.exitCode;
    for (const diagnostic of summary.error) reporter.emit({ event: 'diagnostic', diagnostic });
    const exitCode = exitOf(summary.error);
    if (options.json)
      reporter.emit({
        event: 'run-finished',
        run: '',
        outcome: 'failed',
        exitCode,
        durationMs: 0,
        stages: {},
        metrics: {},
        artifacts: {},
      });
    return exitCode;
  } finally {
    interruption.stop();
    reporter.close();
    if (abandoned !== undefined) rmSync(abandoned, { recursive: true, force: true });
  }
}

/** What `run` and `sweep` have in common. */
export function runOptionsOf(options: GlobalOptions): Omit<RunOptions, 'emit'> {
  const force = options['force'];
  return {
    set: options.set ?? [],
    cache: cacheFolder(options),
    force: force === true ? 'all' : Array.isArray(force) ? force.map(String) : 'none',
    jobs: Number(options['jobs'] ?? 1),
    keepGoing: options['keepGoing'] === true,
    engine: ENGINES.find((id) => id === options['engine']) ?? 'auto',
    device: DEVICES.find((name) => name === options['device']),
    strictEngine: options['strictEngine'] === true,
    offline: options.offline ?? false,
  };
}

/** `--tolerance 0.001` */
export function toleranceIn(options: GlobalOptions): Result<number, Diagnostic> {
  const given = options['tolerance'];
  const tolerance = given === undefined ? DEFAULT_TOLERANCE : Number(given || Number.NaN);
  if (tolerance >= 0) return ok(tolerance);
  return err(problem('U001', `--tolerance takes a number from 0 on, not ${String(given)}`));
}

/** `--tensorboard`, `--dvc`, `--mlflow` */
export function sharingOf(options: GlobalOptions): Pick<RunOptions, 'share'> {
  const sharing = sharingIn(options);
  if (!sharing) return {};
  return {
    share: async (record, details) =>
      (await import('../../runs/interop/share-run.ts')).shareRun(record, details, sharing),
  };
}

/** Undefined where no other tool is named. */
export function sharingIn(options: GlobalOptions): Sharing | undefined {
  const text = (name: string) => (typeof options[name] === 'string' ? String(options[name]) : undefined);
  const sharing = { tensorboard: text('tensorboard'), dvc: text('dvc'), mlflow: text('mlflow') };
  return Object.values(sharing).some((value) => value !== undefined) ? sharing : undefined;
}

export function chooseReporter(options: GlobalOptions): Reporter {
  if (options.json) return jsonLines(print);
  const lines = { write: print, writeError: printError, paint, quiet: options.quiet ?? false };
  const { isTTY = false, columns = 0 } = process.stdout;
  const live = canBeLive({ isTTY, columns }) && !process.env['CI'] && !options.quiet;
  return live ? liveView(lines) : plainLines(lines);
}

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

interface Interruption {
  readonly signal: AbortSignal;
  stop(): void;
}

/** The first signal stops at a batch boundary and keeps what is finished; the second stops at once. */
export function listenForSignals(): Interruption {
  const controller = new AbortController();
  const listeners = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) => {
    const listener = () => {
      if (controller.signal.aborted) process.exit(CODES[name]);
      controller.abort(CODES[name]);
    };
    process.on(name, listener);
    return { name, listener };
  });
  return {
    signal: controller.signal,
    stop() {
      for (const { name, listener } of listeners) process.off(name, listener);
    },
  };
}

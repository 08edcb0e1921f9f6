import type { ExitCode } from '../base/diagnostic.ts';
import type { Plan } from '../plan/plan.ts';
import type { Repeated, RunOutcomeName, RunSummary, StageResult } from './events.ts';

/** What a walk has noted, by stage. */
export interface Noted {
  readonly results: ReadonlyMap<string, StageResult>;
  readonly metrics: ReadonlyMap<string, Readonly<Record<string, number>>>;
  readonly outputs: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly exitCode: ExitCode;
}

/** The run in one value: the last line of `--json`. */
export function summaryOf(
  plan: Plan,
  { results, metrics, outputs, exitCode }: Noted,
  { run, signal }: { readonly run: string; readonly signal: AbortSignal },
  durationMs: number,
): RunSummary {
  const undone = [...results.values()].some(
    ({ status, reason }) => status === 'skipped' && reason.type !== 'not-needed',
  );
  const interrupted = signal.aborted && undone;
  const outcome: RunOutcomeName = interrupted ? 'interrupted' : exitCode === 0 ? 'succeeded' : 'failed';
  const inOrder = <T>(noted: ReadonlyMap<string, T>) =>
    Object.fromEntries(
      plan.stages.flatMap(({ name }) => {
        const value = noted.get(name);
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
  const repeats = repeatsOf(plan, metrics);
  return {
    run,
    outcome,
    exitCode: interrupted ? interruptCode(signal) : exitCode,
    durationMs: Math.round(durationMs),
    stages: inOrder(results),
    metrics: inOrder(metrics),
    ...(Object.keys(repeats).length > 0 && { repeats }),
    artifacts: inOrder(outputs),
  };
}

/** The abort reason is the signal's exit code, where the CLI aborted on a signal. */
function interruptCode(signal: AbortSignal): ExitCode {
  return signal.reason === 129 || signal.reason === 143 ? signal.reason : 130;
}

/** Axes whose values are draws of the same thing. */
const REPEATING = ['seed', 'fold'];

/** Stages that differ by seed and fold alone, told together. */
function repeatsOf({ stages }: Plan, metrics: Noted['metrics']): NonNullable<RunSummary['repeats']> {
  const groups = new Map<string, Readonly<Record<string, number>>[]>();
  for (const { name, config } of stages) {
    const values = metrics.get(name);
    if (!values || !config.matrix || !REPEATING.some((axis) => axis in (config.matrix?.values ?? {}))) continue;
    const others = Object.entries(config.matrix.values).filter(([axis]) => !REPEATING.includes(axis));
    const group = [config.matrix.stage, ...others.map(([, value]) => JSON.stringify(value))].join('@');
    groups.set(group, [...(groups.get(group) ?? []), values]);
  }
  const several = [...groups].filter(([, runs]) => runs.length > 1);
  return Object.fromEntries(several.map(([group, runs]) => [group, repeatedOf(runs)]));
}

function repeatedOf(runs: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, Repeated>> {
  return Object.fromEntries(
    Object.keys(runs[0] ?? {}).map((name) => {
      const values = runs.map((run) => run[name] ?? Number.NaN);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      return [name, { mean, deviation: Math.sqrt(squares / (values.length - 1)), runs: values.length }];
    }),
  );
}

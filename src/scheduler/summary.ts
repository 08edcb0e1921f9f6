import type { ExitCode } from '../base/diagnostic.ts';
import type { Plan } from '../plan/plan.ts';
import type { RunOutcomeName, RunSummary, StageResult } from './events.ts';

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
  return {
    run,
    outcome,
    exitCode: interrupted ? interruptCode(signal) : exitCode,
    durationMs: Math.round(durationMs),
    stages: inOrder(results),
    metrics: inOrder(metrics),
    artifacts: inOrder(outputs),
  };
}

/** The abort reason is the signal's exit code, where the CLI aborted on a signal. */
function interruptCode(signal: AbortSignal): ExitCode {
  return signal.reason === 129 || signal.reason === 143 ? signal.reason : 130;
}

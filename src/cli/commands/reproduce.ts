import { escapeForTerminal } from '../../base/escape.ts';
import { diagnosticFrame } from '../../report/diagnostic-frame.ts';
import { flatDiagnostic } from '../../report/json-lines.ts';
import { describeDifference } from '../../runs/describe-differences.ts';
import { exitOf, failWith, type GlobalOptions, paint, print, printError, printJson } from '../output.ts';
import { type PipelineVerdict, type Reproduction, reproduce as run } from '../reproduce.ts';
import { chooseReporter, listenForSignals, runOptionsOf, toleranceIn } from './run.ts';

/** Runs a revision as it was and says whether it gives what its lock file holds. */
export async function reproduce(revision: string, file: string | undefined, options: GlobalOptions): Promise<number> {
  const tolerance = toleranceIn(options);
  if (!tolerance.ok) return failWith([tolerance.error], options);
  const interruption = listenForSignals();
  const reporter = options.json ? undefined : chooseReporter(options);
  try {
    const { cache, ...asked } = runOptionsOf(options);
    const done = await run(revision, {
      ...asked,
      file,
      cache: options.cache === false ? false : cache,
      tolerance: tolerance.value,
      signal: interruption.signal,
      ...(reporter && {
        emit: (event) => reporter.emit(event),
        announce: (pipeline) =>
          print(`${paint('bold', escapeForTerminal(pipeline))} of ${escapeForTerminal(revision)}\n`),
      }),
    });
    reporter?.close();
    if (!done.ok) return failWith([done.error], options);
    if (options.json) printJson(jsonOf(done.value));
    else say(done.value);
    return exitCodeFor(done.value.pipelines, interruption.signal);
  } finally {
    interruption.stop();
  }
}

function exitCodeFor(pipelines: readonly PipelineVerdict[], signal: AbortSignal): number {
  if (signal.aborted) return typeof signal.reason === 'number' ? signal.reason : 130;
  return pipelines.map(({ diagnostics }) => exitOf(diagnostics)).find((code) => code !== 0) ?? 0;
}

function jsonOf({ pipelines, ...rest }: Reproduction): object {
  return {
    format: 1,
    ...rest,
    pipelines: pipelines.map(({ diagnostics, ...verdict }) => ({
      ...verdict,
      diagnostics: diagnostics.map(flatDiagnostic),
    })),
  };
}

function say({ revision, commit, tolerance, pipelines }: Reproduction): void {
  for (const { pipeline, outcome, metrics, borrowed, differences, diagnostics } of pipelines) {
    for (const diagnostic of diagnostics) printError(`${diagnosticFrame(diagnostic)}\n`);
    const named = escapeForTerminal(`${pipeline} of ${revision} (${commit.slice(0, 10)})`);
    if (outcome === 'reproduced')
      print(`${paint('green', 'reproduced')} ${named}: ${metrics} metrics within ${tolerance} of its lock file\n`);
    if (outcome === 'interrupted') print(`${paint('yellow', 'interrupted')} ${named}\n`);
    if (outcome === 'reproduced')
      for (const { stage, ...difference } of differences)
        print(paint('dim', `  ${escapeForTerminal(`${stage}: ${describeDifference({ stage, ...difference })}`)}\n`));
    for (const path of borrowed)
      print(paint('dim', `  not in the commit, taken from this machine: ${escapeForTerminal(path)}\n`));
  }
}

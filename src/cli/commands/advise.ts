import { escapeForTerminal } from '../../base/escape.ts';
import { writeFileAtomically } from '../../files/atomic-file.ts';
import { diagnosticFrame } from '../../report/diagnostic-frame.ts';
import { showCount, showDuration } from '../../report/duration.ts';
import { advise as measure } from '../advise.ts';
import { failWith, type GlobalOptions, paint, print, printError, printJson } from '../output.ts';
import { listenForSignals, runOptionsOf } from './run.ts';

/** Measures, names the scenario, and says what to do. */
export async function advise(file: string, options: GlobalOptions): Promise<number> {
  const interruption = listenForSignals();
  let exitCode = 1;
  const given = options['backbone'];
  const done = await measure(file, {
    ...runOptionsOf(options),
    backbones: Array.isArray(given) ? given.map(String) : [],
    ...(options['sample'] !== undefined && { sample: Number(options['sample']) }),
    signal: interruption.signal,
    emit: (event) => {
      if (event.event === 'diagnostic') printError(`${diagnosticFrame(event.diagnostic)}\n`);
      if (event.event === 'run-finished' && event.exitCode !== 0) exitCode = event.exitCode;
    },
  });
  interruption.stop();
  if (!done.ok) return done.error.length > 0 ? failWith(done.error, options) : exitCode;
  const { file: text, ...advice } = done.value;
  const target = options['write'];
  if (typeof target === 'string') writeFileAtomically(target, text(target));
  if (options.json) {
    printJson({ ...advice, ...(typeof target === 'string' && { written: target }) });
    return 0;
  }
  print(
    `  ${showCount(advice.images)} labelled images in ${advice.classes} classes, ${showCount(advice.perClass)} in the middle one; ${advice.sampled} of them measured\n\n`,
  );
  print(paint('dim', '  network                    LogME   permuted   gain   similarity   frozen pass over all\n'));
  for (const { backbone, logEvidence, permuted, gain, similarity, seconds } of advice.backbones)
    print(
      `  ${escapeForTerminal(backbone).slice(-24).padEnd(24)} ${logEvidence.toFixed(3).padStart(7)} ${permuted.toFixed(3).padStart(10)} ${gain.toFixed(3).padStart(6)} ${similarity.toFixed(2).padStart(12)}   ${seconds === undefined ? '–' : `≈ ${showDuration(seconds * 1000)}`}\n`,
    );
  print(
    `\n  ${paint('bold', advice.scenario.name.replace('-', ' and '))}: ${advice.scenario.because}\n  ${advice.scenario.strategy}\n`,
  );
  if (typeof target === 'string') print(paint('dim', `  wrote ${escapeForTerminal(target)}\n`));
  else print(paint('dim', '  --write FILE writes the pipeline for it\n'));
  return 0;
}

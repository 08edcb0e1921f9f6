/** What all commands print with. */
import { styleText } from 'node:util';
import { type Diagnostic, type ExitCode, exitCodeOf, problem } from '../base/diagnostic.ts';
import { EngineFault } from '../engines/engine-fault.ts';
import { diagnosticFrame } from '../report/diagnostic-frame.ts';
import { flatDiagnostic } from '../report/json-lines.ts';
import type { Paint } from '../report/stage-line.ts';

/** Options that every command has, and the ones of its own. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  /** A folder; `false` for `--no-cache`. */
  readonly cache?: string | boolean;
  readonly offline?: boolean;
  readonly debug?: boolean;
  readonly set?: readonly string[];
  readonly [option: string]: unknown;
}

export const print = (text: string): void => {
  process.stdout.write(text);
};

export const printError = (text: string): void => {
  process.stderr.write(text);
};

export function printJson(value: unknown): void {
  print(`${JSON.stringify(value)}\n`);
}

/** Colours for stdout, where it is a terminal that wants them. */
export const paint: Paint = (style, text) =>
  process.stdout.isTTY && !process.env['NO_COLOR'] ? styleText(style, text) : text;

/** Prints diagnostics; the exit code is the first error's. */
export function failWith(diagnostics: readonly Diagnostic[], options: GlobalOptions): ExitCode {
  if (options.json) printJson({ diagnostics: diagnostics.map(flatDiagnostic) });
  else printError(`${diagnostics.map((diagnostic) => diagnosticFrame(diagnostic)).join('\n\n')}\n`);
  return exitOf(diagnostics);
}

export function exitOf(diagnostics: readonly Diagnostic[]): ExitCode {
  const first = diagnostics.find(({ severity }) => severity === 'error');
  return first ? exitCodeOf(first) : 0;
}

export function cacheFolder({ cache }: GlobalOptions): string | undefined {
  return typeof cache === 'string' ? cache : undefined;
}

/** A throw is a bug, or a cache that this version cannot use. */
export function printFailure(error: unknown, argv: readonly string[]): ExitCode {
  const message = error instanceof Error ? error.message : String(error);
  const isCache = error instanceof Error && (error.name === 'NewerCacheError' || error.name === 'CacheWriteError');
  const diagnostic = isCache
    ? problem('K001', message)
    : error instanceof EngineFault
      ? error.diagnostic
      : problem('X001', `this is a bug in pipe: ${message}`, {
          help: 'please report it with the command, the pipeline file and the output of `pipe doctor`; --debug shows where',
        });
  if (argv.includes('--debug') && error instanceof Error) printError(`${error.stack}\n`);
  return failWith([diagnostic], { json: argv.includes('--json') });
}

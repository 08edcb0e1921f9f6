import type { Diagnostic } from '../base/diagnostic.ts';
import type { SweepEvent } from '../sweep/run-sweep.ts';
import type { Reporter } from './reporter.ts';

/** One event a line: `--json` of `run` and `sweep`. */
export function jsonLines(write: (line: string) => void): Reporter {
  return {
    emit(event) {
      write(jsonLine(event));
    },
    close() {},
  };
}

/** An event as one line. */
export function jsonLine(event: SweepEvent): string {
  return `${JSON.stringify(jsonOf(event))}\n`;
}

/** The event with its time; a diagnostic's place lies flat in it. */
function jsonOf(event: SweepEvent): object {
  const at = new Date().toISOString();
  if (event.event !== 'diagnostic') {
    const { event: name, ...rest } = event;
    return { event: name, at, ...rest };
  }
  return {
    event: 'diagnostic',
    at,
    ...flatDiagnostic(event.diagnostic),
    ...(event.stage !== undefined && { stage: event.stage }),
    ...('trial' in event && event.trial !== undefined && { trial: event.trial }),
  };
}

/** A diagnostic as `--json` writes it. */
export function flatDiagnostic({ code, severity, message, help, location }: Diagnostic): object {
  return {
    code,
    severity,
    message,
    ...(help !== undefined && { help }),
    ...(location && { file: location.file, line: location.line, column: location.column }),
  };
}

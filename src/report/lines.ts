/** Plain lines, one a stage: for pipes, logs and CI, and for runs that find everything cached. */
import type { RunEvent } from '../scheduler/events.ts';
import { diagnosticFrame } from './diagnostic-frame.ts';
import { showCount } from './duration.ts';
import type { Reporter } from './reporter.ts';
import { closingLines, type Paint, stageLine } from './stage-line.ts';

export interface LinesOptions {
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  readonly paint: Paint;
  /** Only metrics and errors. */
  readonly quiet: boolean;
}

/** Long work says every so often that it is alive. */
export const HEARTBEAT_MS = 30_000;

export function plainLines({ write, writeError, paint, quiet }: LinesOptions): Reporter {
  let width = 0;
  let spokenAt = performance.now();
  const say = (line: string) => {
    spokenAt = performance.now();
    write(`${line}\n`);
  };
  return {
    emit(event: RunEvent) {
      switch (event.event) {
        case 'run-started':
          width = Math.max(...event.stages.map((name) => name.length), 0);
          return;
        case 'stage-waiting':
          if (!quiet) say(`  … ${event.stage} waits for ${event.owner}, which is computing it`);
          return;
        case 'stage-progress':
          if (!quiet && performance.now() - spokenAt > HEARTBEAT_MS)
            say(
              `  … ${event.stage} ${showCount(event.done)} of ${showCount(event.total)}${event.note ? ` · ${event.note}` : ''}`,
            );
          return;
        case 'stage-finished':
          if (!quiet || event.status === 'failed') say(stageLine(event.stage, event, width, paint));
          return;
        case 'diagnostic':
          writeError(`${diagnosticFrame(event.diagnostic)}\n`);
          return;
        case 'run-finished':
          for (const line of closingLines(event, paint)) say(line);
          return;
        default:
      }
    },
    close() {},
  };
}

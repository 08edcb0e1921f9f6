/** A sweep as plain lines: for pipes, logs and CI, and for sweeps that find everything cached. */
import { escapeForTerminal } from '../base/escape.ts';
import type { SweepEvent } from '../sweep/run-sweep.ts';
import type { Setting } from '../sweep/space.ts';
import { diagnosticFrame } from './diagnostic-frame.ts';
import { showCount, showDuration } from './duration.ts';
import { HEARTBEAT_MS, type LinesOptions } from './lines.ts';
import { trialLine, trialName } from './trials.ts';

export interface SweepReporter {
  emit(event: SweepEvent): void;
  /** No more comes. */
  close(): void;
}

export function sweepLines({ write, writeError, paint, quiet }: LinesOptions): SweepReporter {
  let metric = 'log-loss';
  const settings = new Map<number, readonly Setting[]>();
  let spokenAt = performance.now();
  const say = (line: string) => {
    spokenAt = performance.now();
    if (!quiet) write(`${line}\n`);
  };
  return {
    emit(event) {
      switch (event.event) {
        case 'run-started':
          metric = event.goal?.metric ?? metric;
          return;
        case 'trial-planned':
          settings.set(event.trial, event.settings);
          return;
        case 'trial-finished':
          return say(trialLine(event, metric, paint));
        case 'stage-finished':
          if (event.status === 'ran' && event.rows && event.rows.computed > 0)
            say(
              paint(
                'dim',
                `  ${escapeForTerminal(event.stage)}: ${showCount(event.rows.computed)} rows computed · ${showDuration(event.durationMs)}`,
              ),
            );
          return;
        case 'stage-waiting':
          return say(`  … ${escapeForTerminal(event.stage)} waits for ${event.owner}, which is computing it`);
        case 'stage-progress':
          if (performance.now() - spokenAt > HEARTBEAT_MS)
            say(
              `  … ${escapeForTerminal(event.stage)} ${showCount(event.done)} of ${showCount(event.total)}${event.note ? ` · ${event.note}` : ''}`,
            );
          return;
        case 'diagnostic':
          writeError(`${diagnosticFrame(ofTrial(event, settings))}\n`);
          return;
        default:
      }
    },
    close() {},
  };
}

/** The diagnostic of a stage with the trial that it belongs to. */
export function ofTrial(
  { diagnostic, trial }: Extract<SweepEvent, { event: 'diagnostic' }>,
  settings: ReadonlyMap<number, readonly Setting[]>,
) {
  if (trial === undefined) return diagnostic;
  return { ...diagnostic, message: `${trialName(trial, settings.get(trial) ?? [])}: ${diagnostic.message}` };
}

/** The events of a run as lines for `show --log`: all but progress. */
import type { RunEvent } from '../scheduler/events.ts';

export class RunLog {
  readonly #noted: { readonly at: number; readonly event: RunEvent }[] = [];
  #worthwhile = false;

  note(event: RunEvent): void {
    if (event.event === 'stage-progress') return;
    if (event.event === 'diagnostic' || event.event === 'stage-started') this.#worthwhile = true;
    this.#noted.push({ at: Date.now(), event });
  }

  /** None for a run in which nothing happened. */
  lines(): readonly string[] {
    if (!this.#worthwhile) return [];
    return this.#noted.map(({ at, event }) => {
      const { event: name, ...rest } = event;
      // The summary is the record's.
      const kept = event.event === 'run-finished' ? { outcome: event.outcome, exitCode: event.exitCode } : rest;
      return JSON.stringify({ event: name, at: new Date(at).toISOString(), ...kept });
    });
  }
}

import type { RunEvent } from '../scheduler/events.ts';

/** Shows a run. Only reporters print. */
export interface Reporter {
  emit(event: RunEvent): void;
  /** Called once, when nothing more comes. */
  close(): void;
}

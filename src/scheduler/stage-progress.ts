import type { Emit } from './events.ts';

const WINDOW_MS = 30_000;
const LEAST_INTERVAL_MS = 50;

/** Turns a body's progress calls into events: with a rate over the last 30 seconds, and at most twenty a second. */
export function progressOf(stage: string, emit: Emit, now: () => number = () => performance.now()) {
  let samples: { at: number; done: number }[] = [{ at: now(), done: 0 }];
  let emittedAt = Number.NEGATIVE_INFINITY;
  return (done: number, total: number, note?: string): void => {
    const at = now();
    samples.push({ at, done });
    if (at - emittedAt < LEAST_INTERVAL_MS && done < total) return;
    emittedAt = at;
    const oldest = samples.find((sample) => at - sample.at <= WINDOW_MS) ?? { at, done };
    samples = samples.filter((sample) => sample.at >= oldest.at);
    const rate = at > oldest.at ? ((done - oldest.done) * 1000) / (at - oldest.at) : 0;
    emit({ event: 'stage-progress', stage, done, total, rate, ...(note !== undefined && { note }) });
  };
}

/** Tells of each trial as soon as its last stage is done, from the events of the stages. */
import type { RunEvent, StageResult } from '../scheduler/events.ts';
import type { Goal } from './goal.ts';
import type { PlannedTrial } from './plan-trials.ts';
import { type TrialResult, trialResult } from './trial-result.ts';

export class TrialWatch {
  readonly #goal: Goal;
  readonly #tell: (result: TrialResult) => void;
  readonly #waiting = new Map<string, PlannedTrial[]>();
  /** Stages that a trial still waits for. */
  readonly #left = new Map<PlannedTrial, number>();
  readonly #results: Record<string, StageResult> = {};
  readonly #metrics: Record<string, Readonly<Record<string, number>>> = {};

  constructor(trials: readonly PlannedTrial[], goal: Goal, tell: (result: TrialResult) => void) {
    this.#goal = goal;
    this.#tell = tell;
    for (const trial of trials) {
      const names = new Set(trial.stages.flat());
      this.#left.set(trial, names.size);
      for (const name of names) {
        const waiting = this.#waiting.get(name);
        if (waiting) waiting.push(trial);
        else this.#waiting.set(name, [trial]);
      }
    }
  }

  note(event: RunEvent): void {
    if (event.event !== 'stage-finished') return;
    const { event: _, stage, kind: __, metrics, ...result } = event;
    this.#results[stage] = result;
    if (metrics) this.#metrics[stage] = metrics;
    // A stage that is made again, since what it gave was damaged, ends twice.
    const waiting = this.#waiting.get(stage) ?? [];
    this.#waiting.delete(stage);
    for (const trial of waiting) {
      const left = (this.#left.get(trial) ?? 0) - 1;
      this.#left.set(trial, left);
      if (left === 0) this.#tell(trialResult(trial, this.#goal, { stages: this.#results, metrics: this.#metrics }));
    }
  }

  /** The first trial that a stage belongs to. */
  firstWith(stage: string): PlannedTrial | undefined {
    for (const trial of this.#left.keys()) if (trial.stages.some((names) => names.includes(stage))) return trial;
    return undefined;
  }
}

/** The learning rate of each epoch, a pure function of the schedule and the epochs so far: a resumed training needs no other state. */
import type { Json } from '../../base/json.ts';
import type { EpochRecord } from '../artifacts.ts';
import { choiceIn, membersOf, numberIn, wordWithSettings } from '../given-params.ts';
import { bestEpoch, epochsSinceImprovement, type Monitor, monitors } from './monitor.ts';

export type LearningRateSchedule =
  | { readonly type: 'constant' }
  /** rate · factor^⌊epoch / every⌋ */
  | { readonly type: 'step'; readonly every: number; readonly factor: number }
  /** rate · factor^epoch */
  | { readonly type: 'exponential'; readonly factor: number }
  /** From the rate to `final`·rate along half a cosine over all epochs: Loshchilov and Hutter, "SGDR" (ICLR 2017). */
  | { readonly type: 'cosine'; readonly final: number }
  /** Keras' ReduceLROnPlateau: after `patience` epochs without improvement of `monitor`, rate · factor, not below `minimum`. */
  | {
      readonly type: 'reduceOnPlateau';
      readonly monitor: Monitor;
      readonly factor: number;
      readonly patience: number;
      readonly minimum: number;
    };

export const scheduleDefaults = {
  step: { every: 10, factor: 0.1 },
  exponential: { factor: 0.9 },
  cosine: { final: 0 },
  reduceOnPlateau: { monitor: 'validation-loss', factor: 0.1, patience: 10, minimum: 0 },
} as const;

/** An improvement smaller than this counts as none for `reduceOnPlateau`, as in Keras. */
const PLATEAU_DELTA = 1e-4;

export function completeSchedule(given: Json): LearningRateSchedule {
  const [word, settings] = wordWithSettings(given);
  const members = membersOf(settings);
  switch (word) {
    case 'constant':
      return { type: word };
    case 'step': {
      const d = scheduleDefaults.step;
      return { type: word, every: numberIn(members, 'every', d.every), factor: numberIn(members, 'factor', d.factor) };
    }
    case 'exponential':
      return { type: word, factor: numberIn(members, 'factor', scheduleDefaults.exponential.factor) };
    case 'cosine':
      return { type: word, final: numberIn(members, 'final', scheduleDefaults.cosine.final) };
    case 'reduceOnPlateau': {
      const d = scheduleDefaults.reduceOnPlateau;
      return {
        type: word,
        monitor: choiceIn(members, 'monitor', monitors, d.monitor),
        factor: numberIn(members, 'factor', d.factor),
        patience: numberIn(members, 'patience', d.patience),
        minimum: numberIn(members, 'minimum', d.minimum),
      };
    }
    default:
      throw new TypeError(`the schema let through the schedule ${word}`);
  }
}

/** The rate of the epoch that follows `history` (counted from 0), before the optimizer's own `decay`. */
export function rateOfNextEpoch(
  schedule: LearningRateSchedule,
  rate: number,
  history: readonly EpochRecord[],
  epochs: number,
): number {
  const epoch = history.length;
  switch (schedule.type) {
    case 'constant':
      return rate;
    case 'step':
      return rate * schedule.factor ** Math.floor(epoch / schedule.every);
    case 'exponential':
      return rate * schedule.factor ** epoch;
    case 'cosine': {
      const share = epochs > 1 ? epoch / (epochs - 1) : 0;
      return rate * (schedule.final + ((1 - schedule.final) * (1 + Math.cos(Math.PI * share))) / 2);
    }
    case 'reduceOnPlateau':
      return plateauRate(schedule, rate, history);
  }
}

function plateauRate(
  schedule: Extract<LearningRateSchedule, { type: 'reduceOnPlateau' }>,
  rate: number,
  history: readonly EpochRecord[],
): number {
  let current = rate;
  let from = 0;
  for (let epoch = 1; epoch <= history.length; epoch++) {
    const seen = history.slice(0, epoch);
    const best = bestEpoch(seen, schedule.monitor, PLATEAU_DELTA);
    const waited = epochsSinceImprovement(seen, schedule.monitor, PLATEAU_DELTA);
    // The wait starts anew at every reduction; the best value so far stays the one to beat.
    if (best !== undefined && Math.min(waited, epoch - from) >= schedule.patience) {
      current = Math.max(current * schedule.factor, schedule.minimum);
      from = epoch;
    }
  }
  return current;
}

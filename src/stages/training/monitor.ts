/** Which epoch was the best one: pure functions of a training's history. */
import type { EpochRecord } from '../artifacts.ts';

export type Monitor = 'validation-loss' | 'validation-accuracy' | 'loss';
export const monitors: readonly Monitor[] = ['validation-loss', 'validation-accuracy', 'loss'];

/** Keras' EarlyStopping: stop after `patience` epochs without improvement. */
export interface EarlyStopping {
  readonly monitor: Monitor;
  readonly patience: number;
  /** Give the weights of the best epoch instead of the last one's. */
  readonly restoreBest: boolean;
}

export const earlyStoppingDefaults = { monitor: 'validation-loss', patience: 5, restoreBest: true } as const;

/**
 * Index of the last epoch that improved on the best before it by more than `delta`, or undefined before the first. Losses
 * improve downwards, accuracies upwards.
 */
export function bestEpoch(history: readonly EpochRecord[], monitor: Monitor, delta = 0): number | undefined {
  const sign = monitor === 'validation-accuracy' ? -1 : 1;
  let best: number | undefined;
  let lowest = Number.POSITIVE_INFINITY;
  history.forEach((record, epoch) => {
    const value = sign * (record[monitor] ?? Number.NaN);
    if (value < lowest - delta) {
      lowest = value;
      best = epoch;
    }
  });
  return best;
}

/** Epochs since the last improvement: 0 right after one. */
export function epochsSinceImprovement(history: readonly EpochRecord[], monitor: Monitor, delta = 0): number {
  return history.length - 1 - (bestEpoch(history, monitor, delta) ?? -1);
}

export function shouldStop(stopping: EarlyStopping | null, history: readonly EpochRecord[]): boolean {
  return (
    stopping !== null &&
    history.length > 0 &&
    epochsSinceImprovement(history, stopping.monitor) >= Math.max(1, stopping.patience)
  );
}

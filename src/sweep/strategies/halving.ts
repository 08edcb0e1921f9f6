/**
 * Successive halving: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization" (AISTATS
 * 2016). Many combinations with few epochs, the best of them with more, until one is left.
 */
import type { Point } from '../space.ts';
import { byScore, type Strategy } from '../strategy.ts';

export interface HalvingSettings {
  /** Path of what a rung gives more of, such as `head.epochs`. */
  readonly setting: string;
  /** Of the first rung, and at most. */
  readonly least: number;
  readonly most: number;
  /** What the survivors get more, and one part in how many survives. */
  readonly factor: number;
}

/** Amounts of the rungs, the last one being `most`. */
export function rungs({ least, most, factor }: HalvingSettings): readonly number[] {
  const amounts: number[] = [];
  for (let amount = most; amount >= least; amount = Math.floor(amount / factor)) amounts.unshift(amount);
  return amounts.length > 0 ? amounts : [most];
}

/** Trials of all rungs, where each of them gives a number. */
export function halvingTrials(points: number, settings: HalvingSettings): number {
  let [left, total] = [points, 0];
  for (const _ of rungs(settings)) {
    total += left;
    left = survivors(left, settings.factor);
  }
  return total;
}

/** The work of all rungs in units of the first one's, survivors going on where they stopped. */
export function halvingWork(points: number, settings: HalvingSettings): number {
  let [left, before, total] = [points, 0, 0];
  for (const amount of rungs(settings)) {
    total += left * (amount - before);
    left = survivors(left, settings.factor);
    before = amount;
  }
  return total / (points * (rungs(settings)[0] ?? 1));
}

function survivors(count: number, factor: number): number {
  return Math.max(1, Math.floor(count / factor));
}

export function halvingStrategy(points: readonly Point[], settings: HalvingSettings): Strategy {
  const amounts = rungs(settings);
  const { setting, factor } = settings;
  return {
    propose(tried) {
      let chosen = points;
      for (const [rung, amount] of amounts.entries()) {
        const reached = tried.filter(({ label }) => label === String(rung));
        if (reached.length < chosen.length)
          return chosen
            .slice(reached.length)
            .map((point) => ({ point, extra: { [setting]: amount }, label: String(rung) }));
        chosen = [...reached]
          .sort(byScore)
          .slice(0, survivors(reached.length, factor))
          .filter(({ score }) => !Number.isNaN(score))
          .map(({ point }) => point);
      }
      return [];
    },
  };
}

/**
 * Asynchronous successive halving (ASHA): Li et al., "A system for massively parallel hyperparameter tuning" (MLSys 2020). A
 * combination goes on to the next rung as soon as it is among the best of those that have reached its own; it does not wait until all
 * combinations have been tried. What is tried next is decided after every few trials, not whenever one of them happens to end, so
 * that a sweep tries the same whenever and wherever it is run.
 */
import type { Point } from '../space.ts';
import { byScore, type Proposal, type Strategy } from '../strategy.ts';
import { type HalvingSettings, rungs } from './halving.ts';

/** Trials between two decisions: enough to train side by side. */
export const ASHA_ROUND = 8;

export function ashaStrategy(points: readonly Point[], settings: HalvingSettings): Strategy {
  const amounts = rungs(settings);
  const { setting, factor } = settings;
  const proposal = (rung: number, point: Point): Proposal => ({
    point,
    extra: { [setting]: amounts[rung] ?? 0 },
    label: String(rung),
  });
  return {
    propose(tried) {
      const reached = amounts.map((_, rung) => tried.filter(({ label }) => label === String(rung)));
      /** Those of a rung that may go on and have not yet, the best first. */
      const promoted = (rung: number, most: number): readonly Proposal[] => {
        const above = new Set(reached[rung + 1]?.map(({ point }) => point));
        const best = [...(reached[rung] ?? [])].sort(byScore).slice(0, most);
        return best
          .filter(({ point, score }) => !above.has(point) && !Number.isNaN(score))
          .map(({ point }) => proposal(rung + 1, point));
      };
      const below = amounts.map((_, rung) => rung).slice(0, -1);
      const upwards = below
        .reverse()
        .flatMap((rung) => promoted(rung, Math.floor((reached[rung]?.length ?? 0) / factor)));
      const fresh = points.slice(reached[0]?.length ?? 0).map((point) => proposal(0, point));
      const next = [...upwards, ...fresh].slice(0, ASHA_ROUND);
      if (next.length > 0) return next;
      // As in plain halving, the best of a rung that is too small for its share goes on all the same.
      const highest = reached.findLastIndex((trials) => trials.length > 0);
      return highest < 0 || highest === amounts.length - 1 ? [] : promoted(highest, 1);
    },
  };
}

/** The port of sweep strategies: from what has been tried to what should be tried next. */
import type { Point, Space } from './space.ts';

/** A combination to try. */
export interface Proposal {
  readonly point: Point;
  /** Settings besides those of the point, such as the epochs of a rung. */
  readonly extra?: Readonly<Record<string, number>>;
  /** Told back with the score. */
  readonly label?: string;
}

/** A proposal that was tried. `score` is better the smaller it is; NaN where the trial failed or gave no number. */
export interface Scored extends Proposal {
  readonly score: number;
}

export interface Strategy {
  /** Proposals to try at the same time, given all that came before; none when the sweep is over. */
  propose(tried: readonly Scored[]): readonly Proposal[];
}

export interface StrategyOptions {
  readonly space: Space;
  readonly seed: number;
  /** At most so many proposals. */
  readonly trials: number;
}

/** A strategy that knows all its points from the start. */
export function fixed(points: readonly Point[]): Strategy {
  return { propose: (tried) => points.slice(tried.length).map((point) => ({ point })) };
}

/** The smallest first; what is no number last. */
export function byScore(a: { readonly score: number }, b: { readonly score: number }): number {
  if (Number.isNaN(a.score)) return Number.isNaN(b.score) ? 0 : 1;
  return Number.isNaN(b.score) ? -1 : a.score - b.score;
}

/**
 * Tree-structured Parzen estimator: Bergstra et al., "Algorithms for hyper-parameter optimization" (NIPS 2011). Good and other trials
 * each make a density a parameter; of some draws from the good one, the draw with the best ratio of the two is tried next.
 */
import { DrawStream } from '../../base/philox.ts';
import { applies } from '../grid.ts';
import { indexAt, type Parameter } from '../space.ts';
import { byScore, type Scored, type Strategy, type StrategyOptions } from '../strategy.ts';
import { randomPoint } from './random.ts';

/** Random trials before the densities mean anything. */
export const STARTUP = 10;
const CANDIDATES = 24;

/** How many of `n` trials count as good: a tenth, at most 25 (as Optuna does). */
const goodOf = (n: number) => Math.min(Math.ceil(n / 10), 25);

export function tpeStrategy({ space, seed, trials }: StrategyOptions): Strategy {
  return {
    propose(tried) {
      const trial = tried.length;
      if (trial >= trials) return [];
      if (trial < Math.min(STARTUP, trials))
        return Array.from({ length: Math.min(STARTUP, trials) - trial }, (_, i) => ({
          point: randomPoint(space, seed, trial + i),
        }));
      const sorted = [...tried].sort(byScore);
      const good = sorted.slice(0, goodOf(trial));
      const rest = sorted.slice(goodOf(trial));
      const point = new Map<string, number>();
      for (const parameter of space.parameters) {
        if (!applies(parameter, point, space.parameters)) continue;
        const draws = new DrawStream(seed, `sweep tpe ${trial} ${parameter.key}`);
        point.set(parameter.key, pick(parameter, numbersOf(parameter, good), numbersOf(parameter, rest), draws));
      }
      return [{ point }];
    },
  };
}

function numbersOf({ key }: Parameter, tried: readonly Scored[]): readonly number[] {
  return tried.flatMap(({ point }) => {
    const number = point.get(key);
    return number === undefined ? [] : [number];
  });
}

function pick(parameter: Parameter, good: readonly number[], rest: readonly number[], draws: DrawStream): number {
  const { scale } = parameter;
  const [likely, unlikely] =
    scale.type === 'choice'
      ? [categories(good, scale.values.length), categories(rest, scale.values.length)]
      : [parzen(good), parzen(rest)];
  let best = likely.draw(draws);
  let bestRatio = likely.density(best) / unlikely.density(best);
  for (let i = 1; i < CANDIDATES; i++) {
    const candidate = likely.draw(draws);
    const ratio = likely.density(candidate) / unlikely.density(candidate);
    if (ratio > bestRatio) [best, bestRatio] = [candidate, ratio];
  }
  return best;
}

interface Density {
  draw(draws: DrawStream): number;
  density(number: number): number;
}

/** Counts of each choice, one added to each. */
function categories(numbers: readonly number[], count: number): Density {
  const weights = new Array<number>(count).fill(1);
  for (const number of numbers) weights[indexAt(number, count)] = (weights[indexAt(number, count)] ?? 0) + 1;
  const total = numbers.length + count;
  return {
    draw(draws) {
      let left = draws.uniform() * total;
      const choice = weights.findIndex((weight) => {
        left -= weight;
        return left < 0;
      });
      return ((choice < 0 ? count - 1 : choice) + 0.5) / count;
    },
    density: (number) => (weights[indexAt(number, count)] ?? 0) / total,
  };
}

/** Normal distributions around the numbers and a wide one around the middle (the prior), each cut to [0, 1]. */
function parzen(numbers: readonly number[]): Density {
  const centres = [...numbers, 0.5].sort((a, b) => a - b);
  const narrowest = 1 / Math.min(100, 1 + centres.length);
  const widths = centres.map((centre, i) => {
    if (centre === 0.5 && i === centres.indexOf(0.5)) return 1;
    const left = centre - (centres[i - 1] ?? 0);
    const right = (centres[i + 1] ?? 1) - centre;
    return Math.min(1, Math.max(narrowest, left, right));
  });
  const masses = centres.map((centre, i) => {
    const width = widths[i] ?? 1;
    return normalCdf((1 - centre) / width) - normalCdf(-centre / width);
  });
  return {
    draw(draws) {
      const i = Math.min(centres.length - 1, Math.floor(draws.uniform() * centres.length));
      for (let tries = 0; tries < 100; tries++) {
        const number = (centres[i] ?? 0.5) + (widths[i] ?? 1) * draws.normal();
        if (number >= 0 && number < 1) return number;
      }
      return centres[i] ?? 0.5;
    },
    density: (number) =>
      centres.reduce((sum, centre, i) => {
        const width = widths[i] ?? 1;
        const z = (number - centre) / width;
        return sum + Math.exp(-0.5 * z * z) / (width * Math.sqrt(2 * Math.PI) * (masses[i] ?? 1));
      }, 0) / centres.length,
  };
}

/** By the error function of Abramowitz and Stegun, 7.1.26 (error below 1.5e-7). */
function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * Math.exp(-x * x);
  return z >= 0 ? (1 + erf) / 2 : (1 - erf) / 2;
}

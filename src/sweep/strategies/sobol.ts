/** A Sobol sequence with the direction numbers of Joe and Kuo (SIAM J. Sci. Comput. 2008, new-joe-kuo-6), not scrambled. */
import { applies } from '../grid.ts';
import type { Point } from '../space.ts';
import { fixed, type Strategy, type StrategyOptions } from '../strategy.ts';

const BITS = 30;

/** Degree, coefficients and initial numbers of the primitive polynomials; the first dimension needs none. */
const POLYNOMIALS: readonly (readonly [number, number, readonly number[]])[] = [
  [1, 0, [1]],
  [2, 1, [1, 3]],
  [3, 1, [1, 3, 1]],
  [3, 2, [1, 1, 1]],
  [4, 1, [1, 1, 3, 3]],
  [4, 4, [1, 3, 5, 13]],
  [5, 2, [1, 1, 5, 5, 17]],
  [5, 4, [1, 1, 5, 5, 5]],
  [5, 7, [1, 1, 7, 11, 19]],
  [5, 11, [1, 1, 5, 1, 1]],
  [5, 13, [1, 1, 1, 3, 11]],
  [5, 14, [1, 3, 5, 5, 31]],
  [6, 1, [1, 3, 3, 9, 7, 49]],
  [6, 13, [1, 1, 1, 15, 21, 21]],
  [6, 16, [1, 3, 1, 13, 27, 49]],
];

/** Dimensions that there are numbers for. */
export const MOST_DIMENSIONS = POLYNOMIALS.length + 1;

/** Direction numbers of one dimension, from the most significant bit on. */
function directions(dimension: number): readonly number[] {
  if (dimension === 0) return Array.from({ length: BITS }, (_, i) => 2 ** (BITS - 1 - i));
  const [degree, coefficients, initial] = POLYNOMIALS[dimension - 1] ?? [0, 0, []];
  const m = [...initial];
  for (let i = degree; i < BITS; i++) {
    const before = m[i - degree] ?? 0;
    let next = before ^ (before * 2 ** degree);
    for (let k = 1; k < degree; k++) if ((coefficients >> (degree - 1 - k)) & 1) next ^= (m[i - k] ?? 0) * 2 ** k;
    m.push(next);
  }
  return m.map((number, i) => number * 2 ** (BITS - 1 - i));
}

/** The first `count` points of `dimensions` numbers in [0, 1), by Gray code (Antonov and Saleev). */
export function sobolPoints(dimensions: number, count: number): readonly (readonly number[])[] {
  const tables = Array.from({ length: dimensions }, (_, dimension) => directions(dimension));
  const state = new Array<number>(dimensions).fill(0);
  return Array.from({ length: count }, (_, n) => {
    const point = state.map((bits) => bits / 2 ** BITS);
    const lowestZero = Math.log2(~n & (n + 1));
    tables.forEach((table, dimension) => {
      state[dimension] = (state[dimension] ?? 0) ^ (table[lowestZero] ?? 0);
    });
    return point;
  });
}

/** A conditional parameter has a dimension of its own, which counts only where it applies. The point of all zeros is left out. */
export function sobolStrategy({ space, trials }: StrategyOptions): Strategy {
  const { parameters } = space;
  const points = sobolPoints(parameters.length, trials + 1).slice(1);
  return fixed(
    points.map((numbers): Point => {
      const point = new Map<string, number>();
      parameters.forEach((parameter, i) => {
        if (applies(parameter, point, parameters)) point.set(parameter.key, numbers[i] ?? 0);
      });
      return point;
    }),
  );
}

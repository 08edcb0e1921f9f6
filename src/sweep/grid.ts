/** Points of a grid: every combination of values, the last parameter changing fastest. Conditional ones only where they apply. */
import { indexAt, type Parameter, type Point, type Space } from './space.ts';

/** Numbers of a parameter's values in a grid: the middles of equal parts for choices, from end to end for distributions. */
export function gridNumbers({ scale }: Parameter): readonly number[] {
  if (scale.type === 'choice') return scale.values.map((_, i) => (i + 0.5) / scale.values.length);
  if (scale.type === 'uniform' || scale.type === 'logUniform')
    return Array.from({ length: scale.points }, (_, i) => (scale.points === 1 ? 0.5 : i / (scale.points - 1)));
  const values = scale.to - scale.from + 1;
  const points = scale.type === 'integer' ? Math.min(scale.points, values) : scale.points;
  return Array.from({ length: points }, (_, i) => (points === 1 ? 0.5 : Math.min(i / (points - 1), 1 - 1e-12)));
}

/** Combinations of a grid, counted without making them. */
export function gridSize({ parameters }: Space): number {
  const count = (within: Parameter['within']): number =>
    parameters
      .filter((parameter) => parameter.within?.key === within?.key && parameter.within?.choice === within?.choice)
      .reduce((product, parameter) => {
        const numbers = gridNumbers(parameter);
        if (parameter.scale.type !== 'choice') return product * numbers.length;
        return product * numbers.reduce((sum, _, choice) => sum + count({ key: parameter.key, choice }), 0);
      }, 1);
  return count(undefined);
}

export function* gridPoints({ parameters }: Space): Generator<Point> {
  yield* from(0, new Map());

  function* from(at: number, chosen: ReadonlyMap<string, number>): Generator<Point> {
    const parameter = parameters[at];
    if (!parameter) {
      yield chosen;
      return;
    }
    if (!applies(parameter, chosen, parameters)) {
      yield* from(at + 1, chosen);
      return;
    }
    for (const number of gridNumbers(parameter)) yield* from(at + 1, new Map(chosen).set(parameter.key, number));
  }
}

/** Whether a parameter means anything given what was chosen before it. */
export function applies({ within }: Parameter, point: Point, parameters: readonly Parameter[]): boolean {
  if (!within) return true;
  const outer = parameters.find(({ key }) => key === within.key);
  const number = point.get(within.key);
  if (outer?.scale.type !== 'choice' || number === undefined) return false;
  return indexAt(number, outer.scale.values.length) === within.choice;
}

/** Points of lists taken in step: the first values of all, the second ones, and so on; undefined where their lengths differ. */
export function zipPoints({ parameters }: Space): readonly Point[] | undefined {
  const outer = parameters.filter(({ within }) => !within);
  const lengths = new Set(outer.map((parameter) => gridNumbers(parameter).length));
  const [length = 0] = lengths;
  if (lengths.size > 1) return undefined;
  const inner = parameters.filter(({ within }) => within);
  return Array.from({ length }, (_, i) => {
    const point = new Map(outer.map((parameter) => [parameter.key, gridNumbers(parameter)[i] ?? 0]));
    // A distribution inside of one value stands for its middle: there is nothing to be in step with.
    for (const parameter of inner) if (applies(parameter, point, parameters)) point.set(parameter.key, 0.5);
    return point;
  });
}

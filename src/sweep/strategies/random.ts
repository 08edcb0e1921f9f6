/** Independent uniform draws: Bergstra and Bengio, "Random search for hyper-parameter optimization" (JMLR 2012). */
import { DrawStream } from '../../base/philox.ts';
import { applies } from '../grid.ts';
import type { Point, Space } from '../space.ts';
import { fixed, type Strategy, type StrategyOptions } from '../strategy.ts';

/** A parameter's draw depends on (seed, its key, the trial's number): more trials or other parameters leave it as it is. */
export function randomPoint(space: Space, seed: number, trial: number): Point {
  const point = new Map<string, number>();
  for (const parameter of space.parameters) {
    if (!applies(parameter, point, space.parameters)) continue;
    point.set(parameter.key, new DrawStream(seed, `sweep ${trial} ${parameter.key}`).uniform());
  }
  return point;
}

export function randomStrategy({ space, seed, trials }: StrategyOptions): Strategy {
  return fixed(Array.from({ length: trials }, (_, trial) => randomPoint(space, seed, trial)));
}

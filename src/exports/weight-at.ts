import type { Weights, WeightTensor } from '../networks/network.ts';

/** The weight of a name; a network that was described has all of its weights. */
export function weightAt(weights: Weights, name: string): WeightTensor {
  const weight = weights.get(name);
  if (!weight) throw new Error(`the weight ${name} is missing`);
  return weight;
}

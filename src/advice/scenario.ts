/** The four scenarios of transfer learning, size of the data × similarity to what the network knows, and what to do in each. */
export type ScenarioName = 'small-similar' | 'large-similar' | 'small-different' | 'large-different';

export interface Scenario {
  readonly name: ScenarioName;
  readonly because: string;
  readonly strategy: string;
}

/** Images a class from which a data set counts as large, and kappa from which it counts as similar. */
export const LARGE = 500;
export const SIMILAR = 0.5;

const strategies: Readonly<Record<ScenarioName, string>> = {
  'small-similar':
    'train a head alone on frozen features: there is too little data to move the network, and no need to',
  'large-similar': 'fine-tune the whole network from its pretrained weights at a small rate',
  'small-different':
    'freeze the first blocks, whose edges and textures serve any images, and train the rest, with augmentation',
  'large-different': 'train the whole network, from its pretrained weights (they rarely hurt), or from scratch',
};

export function scenarioOf(perClass: number, similarity: number): Scenario {
  const size = perClass >= LARGE ? 'large' : 'small';
  const likeness = similarity >= SIMILAR ? 'similar' : 'different';
  const name: ScenarioName = `${size}-${likeness}`;
  const because = `${Math.round(perClass)} images a class (${size}: ${size === 'large' ? 'from' : 'below'} ${LARGE}), similarity ${similarity.toFixed(2)} (${likeness}: ${likeness === 'similar' ? 'from' : 'below'} ${SIMILAR})`;
  return { name, because, strategy: strategies[name] };
}

/** From `optimizer: adam` or `{adam: {learningRate: 0.001}}` to an optimizer with every setting written out. */
import type { Json } from '../../base/json.ts';
import type { Optimizer } from '../../networks/optimizer.ts';
import { booleanIn, membersOf, numberIn, wordWithSettings } from '../given-params.ts';

/** Keras 3's defaults; `decay` is the old Keras setting, 0 as there. */
export const optimizerDefaults = {
  sgd: { learningRate: 0.01, momentum: 0, nesterov: false, decay: 0 },
  rmsprop: { learningRate: 0.001, rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false, decay: 0 },
  adam: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, decay: 0 },
  adamax: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, decay: 0 },
  adagrad: { learningRate: 0.001, initialAccumulator: 0.1, epsilon: 1e-7, decay: 0 },
  adadelta: { learningRate: 0.001, rho: 0.95, epsilon: 1e-7, decay: 0 },
} as const;

export type OptimizerName = keyof typeof optimizerDefaults;

/** Names in the order in which the documentation lists them. */
export const optimizerNames: readonly OptimizerName[] = ['sgd', 'rmsprop', 'adam', 'adamax', 'adagrad', 'adadelta'];

export function completeOptimizer(given: Json): Optimizer {
  const [word, settings] = wordWithSettings(given);
  const members = membersOf(settings);
  const number = (key: string, fallback: number) => numberIn(members, key, fallback);
  const name = optimizerNames.find((candidate) => candidate === word);
  switch (name) {
    case 'sgd': {
      const d = optimizerDefaults.sgd;
      return {
        type: name,
        learningRate: number('learningRate', d.learningRate),
        momentum: number('momentum', d.momentum),
        nesterov: booleanIn(members, 'nesterov', d.nesterov),
        decay: number('decay', d.decay),
      };
    }
    case 'rmsprop': {
      const d = optimizerDefaults.rmsprop;
      return {
        type: name,
        learningRate: number('learningRate', d.learningRate),
        rho: number('rho', d.rho),
        momentum: number('momentum', d.momentum),
        epsilon: number('epsilon', d.epsilon),
        centered: booleanIn(members, 'centered', d.centered),
        decay: number('decay', d.decay),
      };
    }
    case 'adam':
    case 'adamax': {
      const d = optimizerDefaults[name];
      return {
        type: name,
        learningRate: number('learningRate', d.learningRate),
        beta1: number('beta1', d.beta1),
        beta2: number('beta2', d.beta2),
        epsilon: number('epsilon', d.epsilon),
        decay: number('decay', d.decay),
      };
    }
    case 'adagrad': {
      const d = optimizerDefaults.adagrad;
      return {
        type: name,
        learningRate: number('learningRate', d.learningRate),
        initialAccumulator: number('initialAccumulator', d.initialAccumulator),
        epsilon: number('epsilon', d.epsilon),
        decay: number('decay', d.decay),
      };
    }
    case 'adadelta': {
      const d = optimizerDefaults.adadelta;
      return {
        type: name,
        learningRate: number('learningRate', d.learningRate),
        rho: number('rho', d.rho),
        epsilon: number('epsilon', d.epsilon),
        decay: number('decay', d.decay),
      };
    }
    case undefined:
      throw new TypeError(`the schema let through the optimizer ${word}`);
  }
}

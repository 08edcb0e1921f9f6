/**
 * How optimizers change a weight: Keras 3's formulas (keras/src/optimizers), one rule each. `w` is the weight, `g` its
 * gradient; slots are numbers kept beside every weight; scalars are the same for all weights of a step.
 */
import type { Optimizer } from './optimizer.ts';
import { parseFormula, type Statement } from './update-formula.ts';

export interface UpdateRule {
  /** Names of the slots and what they start with. */
  readonly slots: Readonly<Record<string, number>>;
  readonly statements: readonly Statement[];
  /** Names of the scalars, in the order in which `scalars` gives them. */
  readonly scalarNames: readonly string[];
  /** Scalars of step `step` (from 0) at a learning rate, in float64. */
  scalars(rate: number, step: number): readonly number[];
}

function rule(
  slots: Readonly<Record<string, number>>,
  formulas: readonly string[],
  scalars: Readonly<Record<string, (rate: number, step: number) => number>>,
): UpdateRule {
  return {
    slots,
    statements: formulas.map(parseFormula),
    scalarNames: Object.keys(scalars),
    scalars: (rate, step) => Object.values(scalars).map((value) => value(rate, step)),
  };
}

export function updateRule(optimizer: Optimizer): UpdateRule {
  switch (optimizer.type) {
    case 'sgd':
      return sgd(optimizer);
    case 'rmsprop':
      return rmsprop(optimizer);
    case 'adam':
      return rule(
        { m: 0, v: 0 },
        ['m = m + (g - m) * c1', 'v = v + (g * g - v) * c2', 'w = w - m * alpha / (sqrt(v) + epsilon)'],
        {
          c1: () => 1 - optimizer.beta1,
          c2: () => 1 - optimizer.beta2,
          alpha: (rate, step) =>
            (rate * Math.sqrt(1 - optimizer.beta2 ** (step + 1))) / (1 - optimizer.beta1 ** (step + 1)),
          epsilon: () => optimizer.epsilon,
        },
      );
    case 'adamax':
      return rule(
        { m: 0, u: 0 },
        ['m = m + (g - m) * c1', 'u = max(u * beta2, abs(g))', 'w = w - rate * m / (c * (u + epsilon))'],
        {
          c1: () => 1 - optimizer.beta1,
          beta2: () => optimizer.beta2,
          rate: (rate) => rate,
          c: (_, step) => 1 - optimizer.beta1 ** (step + 1),
          epsilon: () => optimizer.epsilon,
        },
      );
    case 'adagrad':
      return rule({ a: optimizer.initialAccumulator }, ['a = a + g * g', 'w = w - rate * g / sqrt(a + epsilon)'], {
        rate: (rate) => rate,
        epsilon: () => optimizer.epsilon,
      });
    case 'adadelta':
      return rule(
        { a: 0, d: 0 },
        [
          'a = a * rho + g * g * c',
          'x = sqrt(d + epsilon) * g / sqrt(a + epsilon)',
          'd = d * rho + x * x * c',
          'w = w - rate * x',
        ],
        {
          rho: () => optimizer.rho,
          c: () => 1 - optimizer.rho,
          rate: (rate) => rate,
          epsilon: () => optimizer.epsilon,
        },
      );
  }
}

function sgd({ momentum, nesterov }: Extract<Optimizer, { type: 'sgd' }>): UpdateRule {
  if (momentum === 0) return rule({}, ['w = w - g * rate'], { rate: (rate) => rate });
  const move = nesterov ? 'w = w + m * momentum - g * rate' : 'w = w + m';
  return rule({ m: 0 }, ['m = m * momentum - g * rate', move], { momentum: () => momentum, rate: (rate) => rate });
}

function rmsprop({ rho, momentum, epsilon, centered }: Extract<Optimizer, { type: 'rmsprop' }>): UpdateRule {
  const formulas = ['v = v * rho + g * g * c'];
  if (centered) formulas.push('a = a * rho + g * c');
  formulas.push(centered ? 'x = rate * g / sqrt(v - a * a + epsilon)' : 'x = rate * g / sqrt(v + epsilon)');
  if (momentum > 0) formulas.push('m = m * momentum + x', 'w = w - m');
  else formulas.push('w = w - x');
  const slots = { v: 0, ...(centered && { a: 0 }), ...(momentum > 0 && { m: 0 }) };
  return rule(slots, formulas, {
    rho: () => rho,
    c: () => 1 - rho,
    rate: (rate) => rate,
    epsilon: () => epsilon,
    ...(momentum > 0 && { momentum: () => momentum }),
  });
}

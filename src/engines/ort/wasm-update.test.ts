import { describe, expect, it } from 'vitest';
import type { Optimizer } from '../../networks/optimizer.ts';
import type { Expression } from '../../networks/update-formula.ts';
import { updateRule } from '../../networks/updates.ts';
import { compileUpdate, WeightMemory } from './wasm-update.ts';

const optimizers: readonly Optimizer[] = [
  { type: 'sgd', learningRate: 0.01, momentum: 0, nesterov: false, decay: 0 },
  { type: 'sgd', learningRate: 0.01, momentum: 0.9, nesterov: false, decay: 0 },
  { type: 'sgd', learningRate: 0.01, momentum: 0.9, nesterov: true, decay: 0 },
  { type: 'rmsprop', learningRate: 0.001, rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false, decay: 0 },
  { type: 'rmsprop', learningRate: 0.001, rho: 0.9, momentum: 0.5, epsilon: 1e-7, centered: true, decay: 0 },
  { type: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, decay: 0 },
  { type: 'adamax', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, decay: 0 },
  { type: 'adagrad', learningRate: 0.001, initialAccumulator: 0.1, epsilon: 1e-7, decay: 0 },
  { type: 'adadelta', learningRate: 0.001, rho: 0.95, epsilon: 1e-7, decay: 0 },
];

/** The formula by an interpreter in float32, number by number. */
function evaluate(expression: Expression, names: Map<string, number>): number {
  const f = Math.fround;
  switch (expression.op) {
    case 'name':
      return names.get(expression.name) ?? Number.NaN;
    case 'number':
      return f(expression.value);
    case 'sqrt':
      return f(Math.sqrt(evaluate(expression.operand, names)));
    case 'abs':
      return Math.abs(evaluate(expression.operand, names));
    default: {
      const [a, b] = [evaluate(expression.left, names), evaluate(expression.right, names)];
      return f({ '+': a + b, '-': a - b, '*': a * b, '/': a / b, max: Math.max(a, b) }[expression.op]);
    }
  }
}

describe('updates in WebAssembly', () => {
  it.each(optimizers)('$type equals its formula bit for bit over five steps', (optimizer) => {
    const rule = updateRule(optimizer);
    const n = 37;
    const memory = new WeightMemory(compileUpdate(rule), n);
    const names = ['w', 'g', ...Object.keys(rule.slots)];
    for (const [slot, initial] of Object.entries(rule.slots)) memory.array(slot).fill(initial);
    memory.array('w').set(Float32Array.from({ length: n }, (_, i) => Math.sin(i)));
    const expected = new Map(names.map((name) => [name, memory.array(name).slice()]));
    for (let step = 0; step < 5; step++) {
      const gradient = Float32Array.from({ length: n }, (_, i) => Math.cos(i * (step + 1)) * 10 ** -(i % 9));
      memory.array('g').set(gradient);
      expected.set('g', gradient);
      const scalars = rule.scalars(optimizer.learningRate, step);
      memory.update(scalars);
      for (let i = 0; i < n; i++) {
        const values = new Map([
          ...names.map((name) => [name, expected.get(name)?.[i] ?? 0] as const),
          ...rule.scalarNames.map((name, at) => [name, Math.fround(scalars[at] ?? 0)] as const),
        ]);
        for (const { target, value } of rule.statements) values.set(target, evaluate(value, values));
        for (const name of names) {
          const column = expected.get(name);
          if (column) column[i] = values.get(name) ?? 0;
        }
      }
      for (const name of names) expect(memory.array(name), `${name} after step ${step}`).toEqual(expected.get(name));
    }
  });
});

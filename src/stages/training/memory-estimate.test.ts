import { expect, it } from 'vitest';
import type { Network } from '../../networks/network.ts';
import type { Optimizer } from '../../networks/optimizer.ts';
import { memoryProblem, trainingBytes } from './memory-estimate.ts';

const adam: Optimizer = { type: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, decay: 0 };
const network: Network = {
  name: 'head',
  input: [25_088],
  layers: [{ type: 'dense', name: 'wide', units: 1000, activation: 'relu', bias: true, init: 'zeros' }],
};
const size = { network, frozen: [], optimizer: adam, batch: 128 };

it('counts weights, gradients and slots, and outputs twice', () => {
  const numbers = 25_089_000 * 4 + 2 * 128 * 26_088;
  expect(trainingBytes(size)).toBe(250 * 2 ** 20 + 4 * numbers);
  expect(trainingBytes({ ...size, frozen: ['wide'] })).toBe(250 * 2 ** 20 + 4 * (25_089_000 + 2 * 128 * 26_088));
});

it('refuses before it starts, with the batch that would fit', () => {
  expect(memoryProblem(size, 2 ** 40)).toBeUndefined();
  const large = { ...size, batch: 100_000 };
  const refused = memoryProblem(large, 8 * 2 ** 30);
  expect(refused).toMatchObject({
    code: 'S053',
    message: expect.stringMatching(/20\.\d GiB of memory, and there are 8\.0 GiB/),
  });
  const fits = Number(/a batch of (\d+)/.exec(refused?.help ?? '')?.[1]);
  expect(memoryProblem({ ...size, batch: fits }, 8 * 2 ** 30)).toBeUndefined();
  expect(memoryProblem({ ...size, batch: fits + 100 }, 8 * 2 ** 30)).toBeDefined();
  expect(memoryProblem(size, 2 ** 28)?.help).toContain('narrower layers');
});

import { expect, it } from 'vitest';
import type { Network } from '../../networks/network.ts';
import type { Optimizer } from '../../networks/optimizer.ts';
import { GROUP_BYTES, memberBytes, memoryProblem, trainingBytes } from './memory-estimate.ts';

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

it('counts the process once for trainings side by side, and is above what was measured', () => {
  const mega = 1e6;
  // Peaks of whole processes: two and four of the tutorial's heads took 1,661 and 2,850 MB, eight of 2048-128-10 took 263 MB.
  expect(GROUP_BYTES + 2 * memberBytes(size)).toBeGreaterThan(1661 * mega);
  expect(GROUP_BYTES + 4 * memberBytes(size)).toBeGreaterThan(2850 * mega);
  expect(GROUP_BYTES + 4 * memberBytes(size)).toBeLessThan(2 * 2850 * mega);
  const [wide] = network.layers;
  const small = { ...size, network: { ...network, input: [2048], layers: wide ? [{ ...wide, units: 128 }] : [] } };
  expect(GROUP_BYTES + 8 * memberBytes({ ...small, batch: 32 })).toBeGreaterThan(263 * mega);
  expect(memberBytes({ ...small, batch: 32 })).toBeLessThan(32 * mega);
});

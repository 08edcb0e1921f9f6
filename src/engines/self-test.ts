/** A short test of an engine against numbers known in advance. */
import type { Network, WeightTensor } from '../networks/network.ts';
import type { EngineAdapter } from './engine.ts';

const network: Network = {
  name: 'self-test',
  input: [2],
  layers: [{ type: 'dense', name: 'logits', units: 2, activation: 'linear', bias: true, init: 'zeros' }],
};

function weights(): ReadonlyMap<string, WeightTensor> {
  return new Map([
    ['logits/kernel', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
    ['logits/bias', { shape: [2], data: Float32Array.of(0.5, -0.5) }],
  ]);
}

export interface SelfTest {
  readonly passed: boolean;
  readonly detail: string;
}

/** One forward pass and one step of gradient descent. The expected numbers are worked out by hand. */
export async function testEngine(adapter: EngineAdapter): Promise<SelfTest> {
  const opened = await adapter.open({ threads: 1, device: 'cpu' });
  if (!opened.ok) return { passed: false, detail: opened.error.message };
  const engine = opened.value;
  try {
    const forward = await engine.openForward(
      { kind: 'network', network, weights: weights(), layer: 'logits', pooling: 'none' },
      1,
    );
    if (!forward.ok) return { passed: false, detail: forward.error.message };
    // [1, 1] · [[1, 2], [3, 4]] + [0.5, −0.5] = [4.5, 5.5]
    const output = await forward.value.run(Float32Array.of(1, 1), 1);
    if (output[0] !== 4.5 || output[1] !== 5.5)
      return { passed: false, detail: `a forward pass gives ${output.join(', ')} for 4.5, 5.5` };
    const training = await engine.openTraining({
      network,
      weights: weights(),
      classes: 2,
      loss: 'cross-entropy',
      batch: 1,
      frozen: [],
      rateFactors: {},
      seed: 0,
      optimizer: { type: 'sgd', learningRate: 1, momentum: 0, nesterov: false, decay: 0 },
    });
    if (!training.ok) return { passed: false, detail: training.error.message };
    const { loss } = await training.value.step({
      input: Float32Array.of(1, 1),
      rows: 1,
      labels: Int32Array.of(0),
      rowKeys: new Uint32Array(2),
      epoch: 0,
      learningRate: 1,
    });
    // −log softmax([4.5, 5.5])₀ = log(1 + e)
    const expected = Math.log(1 + Math.E);
    if (Math.abs(loss - expected) > 1e-5) return { passed: false, detail: `the loss is ${loss} for ${expected}` };
    const { producer } = engine;
    return {
      passed: true,
      detail: `${producer.version} on ${producer.device}: a forward pass and a training step are right`,
    };
  } finally {
    await engine.close();
  }
}

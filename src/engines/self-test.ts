/** A test of an engine against numbers known in advance, and how fast it is. */
import type { Network, WeightTensor } from '../networks/network.ts';
import type { Device, Engine, EngineAdapter, Producer } from './engine.ts';
import { EngineFault } from './engine-fault.ts';
import { type ForwardSpeed, fullSpeed, headStep, quickSpeed } from './measure-engine.ts';
import { int8Speeds } from './measure-int8.ts';
import { type Int8Speed, keepMeasured, thisProcessor } from './measured.ts';

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
  /** Who was tested; undefined where it could not be opened. */
  readonly producer?: Producer;
  readonly speed?: ForwardSpeed;
  /** Milliseconds of a training step of the reference head; of `bench` alone. */
  readonly headStepMs?: number;
  /** By network; of `bench` alone, and of an engine that computes so. */
  readonly int8?: Readonly<Record<string, Int8Speed>>;
}

export interface TestOptions {
  readonly device?: Device | undefined;
  readonly threads: number;
  /** The longer measurement. */
  readonly bench: boolean;
}

/** Whether an engine's numbers are right, and how fast it is. What is found out is kept: `auto` and `plan` go by it. */
export async function testEngine(adapter: EngineAdapter, { device, threads, bench }: TestOptions): Promise<SelfTest> {
  const opened = await adapter.open({ threads, device });
  if (!opened.ok) return { passed: false, detail: opened.error.message };
  const engine = opened.value;
  const { producer } = engine;
  try {
    const wrong = await wrongNumbers(engine);
    const measured = wrong === undefined ? await (bench ? fullSpeed(engine) : quickSpeed(engine)) : undefined;
    const speed = measured?.ok ? measured.value : undefined;
    const step = bench && speed ? await headStep(engine) : undefined;
    const headStepMs = step?.ok ? step.value : undefined;
    const eight = bench && speed ? await int8Speeds(engine) : undefined;
    const int8 = eight?.ok && Object.keys(eight.value).length > 0 ? eight.value : undefined;
    const failure = wrong ?? (measured?.ok === false ? measured.error.message : undefined);
    keepMeasured({
      engine: adapter.id,
      device: producer.device,
      stamp: adapter.stamp() ?? '',
      machine: thisProcessor(),
      passed: failure === undefined,
      ...(speed && { gflops: speed.gflops }),
      ...(bench && speed && { imagesPerSecond: speed.imagesPerSecond }),
      ...(headStepMs !== undefined && { headStepMs }),
      ...(int8 && { int8 }),
      at: new Date().toISOString(),
    });
    return {
      passed: failure === undefined,
      detail: failure ?? `${producer.version} on ${producer.device}: a forward pass and a training step are right`,
      producer,
      ...(speed && { speed }),
      ...(headStepMs !== undefined && { headStepMs }),
      ...(int8 && { int8 }),
    };
  } catch (error) {
    if (!(error instanceof EngineFault)) throw error;
    return { passed: false, detail: error.message, producer };
  } finally {
    await engine.close();
  }
}

/** One forward pass and one step of gradient descent. The expected numbers are worked out by hand. */
async function wrongNumbers(engine: Engine): Promise<string | undefined> {
  const forward = await engine.openForward(
    { kind: 'network', network, weights: weights(), layer: 'logits', pooling: 'none' },
    1,
  );
  if (!forward.ok) return forward.error.message;
  // [1, 1] · [[1, 2], [3, 4]] + [0.5, −0.5] = [4.5, 5.5]
  const output = await forward.value.run(Float32Array.of(1, 1), 1);
  await forward.value.close();
  if (output[0] !== 4.5 || output[1] !== 5.5) return `a forward pass gives ${output.join(', ')} for 4.5, 5.5`;
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
  if (!training.ok) return training.error.message;
  const { loss } = await training.value.step({
    input: Float32Array.of(1, 1),
    rows: 1,
    labels: Int32Array.of(0),
    rowKeys: new Uint32Array(2),
    epoch: 0,
    learningRate: 1,
  });
  await training.value.close();
  // −log softmax([4.5, 5.5])₀ = log(1 + e)
  const expected = Math.log(1 + Math.E);
  return Math.abs(loss - expected) > 1e-5 ? `the loss is ${loss} for ${expected}` : undefined;
}

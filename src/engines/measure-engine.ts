/** How fast an engine is here: what its self-test stores for `auto`, and the longer `bench`. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import { vgg16 } from '../networks/architectures/vgg.ts';
import { cutNetwork } from '../networks/cut.ts';
import { randomWeights } from '../networks/initializers.ts';
import { describeNetwork } from '../networks/layers.ts';
import { type Network, sizeOf } from '../networks/network.ts';
import type { Engine } from './engine.ts';

/** A round of work whose time counts, after one that does not. */
interface Rounds {
  readonly atLeast: number;
  /** No further round is begun after so many milliseconds. */
  readonly enoughMs: number;
}

export interface ForwardSpeed {
  /** 10⁹ floating-point operations a second; a multiplication and an addition are two. */
  readonly gflops: number;
  readonly imagesPerSecond: number;
  readonly rounds: number;
}

/**
 * The first three blocks of VGG16 on eight images of 64×64: a fraction of a second, and the same mix of work. On a device that is only
 * emulated they take minutes: there one round of one image tells enough.
 */
export async function quickSpeed(engine: Engine): Promise<Result<ForwardSpeed, Diagnostic>> {
  const layer = 'block3_pool';
  const one = await forwardSpeed(engine, 64, layer, 1, { atLeast: 1, enoughMs: 0 });
  if (!one.ok || one.value.imagesPerSecond < SLOW) return one;
  return forwardSpeed(engine, 64, layer, 8, { atLeast: 3, enoughMs: 400 });
}

/** Images a second; two cores do some hundred. */
const SLOW = 4;

/** VGG16's convolutional base at 224×224, eight images at a time. */
export function fullSpeed(engine: Engine): Promise<Result<ForwardSpeed, Diagnostic>> {
  return forwardSpeed(engine, 224, 'block5_pool', 8, { atLeast: 3, enoughMs: 4000 });
}

async function forwardSpeed(
  engine: Engine,
  side: number,
  layer: string,
  batch: number,
  rounds: Rounds,
): Promise<Result<ForwardSpeed, Diagnostic>> {
  const whole = vgg16.build({ height: side, width: side, channels: 3, top: false, classes: 1000, alpha: 1 });
  const network = cutNetwork(whole, layer);
  if (!network.ok) return network;
  const described = describeNetwork(network.value);
  if (!described.ok) return described;
  const weights = randomWeights(network.value, 1);
  if (!weights.ok) return weights;
  const session = await engine.openForward(
    { kind: 'network', network: network.value, weights: weights.value, layer, pooling: 'none' },
    batch,
  );
  if (!session.ok) return session;
  const width = sizeOf(network.value.input);
  const times = await timed(rounds, async () => {
    await session.value.run(new Float32Array(batch * width).fill(0.5), batch);
  });
  await session.value.close();
  const seconds = median(times) / 1000;
  return ok({
    gflops: (described.value.flops * batch) / seconds / 1e9,
    imagesPerSecond: batch / seconds,
    rounds: times.length,
  });
}

/** Milliseconds of a step of the head 4096-1000-500-10 with Adam, 128 rows. */
export async function headStep(engine: Engine): Promise<Result<number, Diagnostic>> {
  const dense = { type: 'dense', bias: true, init: 'glorot-uniform' } as const;
  const network: Network = {
    name: 'head',
    input: [4096],
    layers: [
      { ...dense, name: 'first', units: 1000, activation: 'relu' },
      { ...dense, name: 'second', units: 500, activation: 'relu' },
      { ...dense, name: 'logits', units: 10, activation: 'linear' },
    ],
  };
  const weights = randomWeights(network, 1);
  if (!weights.ok) return weights;
  const rows = 128;
  const session = await engine.openTraining({
    network,
    weights: weights.value,
    classes: 10,
    loss: 'cross-entropy',
    optimizer: { type: 'adam', learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, decay: 0 },
    batch: rows,
    frozen: [],
    rateFactors: {},
    seed: 0,
  });
  if (!session.ok) return session;
  let input = new Float32Array(rows * 4096).fill(0.1);
  const labels = Int32Array.from({ length: rows }, (_, i) => i % 10);
  let loss = 0;
  const times = await timed({ atLeast: 5, enoughMs: 2000 }, async () => {
    const step = await session.value.step({
      input,
      rows,
      labels,
      rowKeys: new Uint32Array(rows * 2),
      epoch: 0,
      learningRate: 1e-3,
    });
    ({ input, loss } = step);
  });
  await session.value.close();
  return Number.isFinite(loss)
    ? ok(median(times))
    : err(problem('E001', `a training step on ${engine.producer.engine} gives a loss of ${loss}`));
}

async function timed({ atLeast, enoughMs }: Rounds, work: () => Promise<void>): Promise<readonly number[]> {
  await work();
  const times: number[] = [];
  const begun = performance.now();
  while (times.length < atLeast || performance.now() - begun < enoughMs) {
    const from = performance.now();
    await work();
    times.push(performance.now() - from);
  }
  return times;
}

function median(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

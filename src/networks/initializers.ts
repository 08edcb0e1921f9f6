/**
 * Random weights by Keras' formulas. A weight's numbers depend on the seed and its own path alone: adding, removing or
 * freezing a layer leaves the others as they are.
 */
import type { Diagnostic } from '../base/diagnostic.ts';
import { DrawStream } from '../base/philox.ts';
import { ok, type Result } from '../base/result.ts';
import { describeNetwork } from './layers.ts';
import {
  type InitializerName,
  type Network,
  type Shape,
  sizeOf,
  type WeightSlot,
  type Weights,
  type WeightTensor,
} from './network.ts';

/** Standard deviation of a standard normal cut off at ±2, by which Keras widens its truncated normals. */
const TRUNCATED_DEVIATION = 0.87962566103423978;
/** Keras' default for `random-uniform` (±) and `random-normal` (deviation). */
const DEFAULT_SPREAD = 0.05;

/** The weights drawn last, where they are few: heads of a sweep begin with the same ones. */
let last: { readonly key: string; readonly weights: Weights } | undefined;
/** 4 MiB. */
const MOST_KEPT = 2 ** 20;

/** Every weight of a network, drawn; the arrays are the caller's. */
export function randomWeights(network: Network, seed: number): Result<Weights, Diagnostic> {
  const description = describeNetwork(network);
  if (!description.ok) return description;
  const { slots } = description.value;
  const numbers = slots.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  if (numbers > MOST_KEPT) return ok(drawn(slots, seed));
  const key = JSON.stringify([seed, slots]);
  if (last?.key !== key) last = { key, weights: drawn(slots, seed) };
  return ok(new Map([...last.weights].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }])));
}

function drawn(slots: readonly WeightSlot[], seed: number): Weights {
  return new Map(slots.map((slot) => [slot.name, drawWeight(slot, seed)]));
}

/** One weight, drawn from the stream of (seed, its path). */
export function drawWeight(
  { name, shape, init }: Pick<WeightSlot, 'name' | 'shape' | 'init'>,
  seed: number,
): WeightTensor {
  const data = new Float32Array(sizeOf(shape));
  fill(data, init, shape, () => new DrawStream(seed, `initial weights ${name}`));
  return { shape, data };
}

function fill(data: Float32Array, init: InitializerName, shape: Shape, stream: () => DrawStream): void {
  switch (init) {
    case 'zeros':
      return;
    case 'ones':
      data.fill(1);
      return;
    case 'random-uniform':
      fillUniform(data, DEFAULT_SPREAD, stream());
      return;
    case 'random-normal':
      fillNormal(data, DEFAULT_SPREAD, Number.POSITIVE_INFINITY, stream());
      return;
    case 'glorot-uniform':
    case 'he-uniform':
    case 'lecun-uniform':
      fillUniform(data, Math.sqrt(3 * varianceOf(init, shape)), stream());
      return;
    case 'glorot-normal':
    case 'he-normal':
    case 'lecun-normal':
      fillNormal(data, Math.sqrt(varianceOf(init, shape)) / TRUNCATED_DEVIATION, 2, stream());
      return;
  }
}

/** Keras' VarianceScaling: Glorot 2 / (fan in + fan out), He 2 / fan in, LeCun 1 / fan in. */
function varianceOf(init: InitializerName, shape: Shape): number {
  const { fanIn, fanOut } = fansOf(shape);
  if (init.startsWith('glorot')) return 1 / Math.max(1, (fanIn + fanOut) / 2);
  return (init.startsWith('he') ? 2 : 1) / Math.max(1, fanIn);
}

/** Keras' `compute_fans`, for a dense kernel [in, out] and a convolution's [height, width, in, out]; a depthwise one counts its channels as in, 1 as out. */
function fansOf(shape: Shape): { readonly fanIn: number; readonly fanOut: number } {
  if (shape.length === 0) return { fanIn: 1, fanOut: 1 };
  if (shape.length === 1) return { fanIn: sizeOf(shape), fanOut: sizeOf(shape) };
  const taps = sizeOf(shape.slice(0, -2));
  return { fanIn: (shape.at(-2) ?? 1) * taps, fanOut: (shape.at(-1) ?? 1) * taps };
}

function fillUniform(data: Float32Array, limit: number, stream: DrawStream): void {
  for (let i = 0; i < data.length; i++) data[i] = limit * (2 * stream.uniform() - 1);
}

/** N(0, deviation²), drawn again beyond `cut` deviations. */
function fillNormal(data: Float32Array, deviation: number, cut: number, stream: DrawStream): void {
  for (let i = 0; i < data.length; i++) {
    let value = stream.normal();
    while (Math.abs(value) > cut) value = stream.normal();
    data[i] = deviation * value;
  }
}

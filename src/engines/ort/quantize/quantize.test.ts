import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { DrawStream } from '../../../base/philox.ts';
import { randomWeights } from '../../../networks/initializers.ts';
import { type Network, sizeOf, type Weights } from '../../../networks/network.ts';
import { CalibrationFold } from '../../calibration-fold.ts';
import type { ForwardProgram } from '../../engine.ts';
import { Forward } from '../forward-session.ts';
import { GraphBuilder } from '../graph-builder.ts';
import { type OnnxGraph, writeModel } from '../onnx-writer.ts';
import { createSession, tensor } from '../runtime.ts';
import { useTraceBackend } from '../trace.ts';
import { calibrationGraph, type Ranges } from './calibration-graph.ts';
import { foldConstants } from './fold-constants.ts';
import { fuseAffine } from './fuse-affine.ts';
import { quantizeGraph } from './quantize-graph.ts';
import type { Range } from './quantized-numbers.ts';
import { readGraph } from './read-graph.ts';

beforeAll(useTraceBackend);

const options = { threads: 1, device: 'cpu' } as const;
const relu6 = { activation: 'relu6', bias: false } as const;
const network: Network = {
  name: 'small',
  input: [12, 12, 3],
  layers: [
    {
      type: 'conv2d',
      name: 'a',
      filters: 8,
      size: [3, 3],
      strides: [1, 1],
      padding: 'same',
      activation: 'linear',
      bias: false,
      init: 'glorot-uniform',
    },
    { type: 'batch-norm', name: 'norm', momentum: 0.9, epsilon: 1e-3 },
    { type: 'activation', name: 'act', activation: 'relu6' },
    { type: 'zero-pad', name: 'pad', padding: [0, 1, 0, 1] },
    {
      type: 'depthwise-conv2d',
      name: 'b',
      size: [3, 3],
      strides: [2, 2],
      padding: 'valid',
      ...relu6,
      init: 'glorot-uniform',
    },
    { type: 'max-pool', name: 'pool', size: [2, 2], strides: [2, 2], padding: 'valid' },
    {
      type: 'conv2d',
      name: 'c',
      filters: 5,
      size: [1, 1],
      strides: [1, 1],
      padding: 'same',
      activation: 'relu',
      bias: true,
      init: 'glorot-uniform',
    },
    { type: 'flatten', name: 'flat' },
    { type: 'dense', name: 'd', units: 7, activation: 'tanh', bias: true, init: 'glorot-uniform' },
  ],
};
const images = draws('images', 6 * sizeOf(network.input));

function draws(purpose: string, count: number): Float32Array<ArrayBuffer> {
  const stream = new DrawStream(3, purpose);
  return Float32Array.from({ length: count }, () => stream.uniform() * 2 - 1);
}

/** Weights of which no channel is like another. */
function unevenWeights(): Weights {
  const drawn = randomWeights(network, 5);
  if (!drawn.ok) throw new Error(drawn.error.message);
  return new Map(
    [...drawn.value].map(([name, { shape, data }]) => {
      const noise = draws(name, data.length);
      const spread = /gamma|variance/.test(name) ? 0.5 : 0.2;
      return [name, { shape, data: data.map((value, i) => value + spread * (noise[i] ?? 0)) }];
    }),
  );
}

async function run(program: ForwardProgram, rows: number, from = 0): Promise<Float32Array> {
  const session = await Forward.open(program, options);
  const width = sizeOf(network.input);
  const result = await session.run(images.slice(from * width, (from + rows) * width), rows);
  await session.close();
  return result;
}

async function rangesOf(program: ForwardProgram): Promise<Float32Array> {
  const session = await Forward.open({ ...program, arithmetic: { kind: 'calibration' } }, options);
  const fold = new CalibrationFold(session);
  fold.add(await session.run(images.slice(), 6));
  await session.close();
  return fold.result();
}

/** Ranges alone: nothing is corrected. */
function only(values: ReadonlyMap<string, Range>): Ranges {
  return { values, means: new Map() };
}

/** Root of the mean square of the difference, in units of the root of the mean square. */
function relativeError(found: Float32Array, expected: Float32Array): number {
  const square = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(square(found.map((value, i) => value - (expected[i] ?? 0))) / square(expected));
}

async function output(graph: OnnxGraph, feeds: Record<string, { data: Float32Array; shape: readonly number[] }>) {
  const session = await createSession(writeModel(graph), options, true);
  const fed = Object.fromEntries(Object.entries(feeds).map(([name, { data, shape }]) => [name, tensor(data, shape)]));
  const result = await session.run(fed);
  await session.release();
  const { data } = result[graph.outputs[0]?.name ?? ''] ?? {};
  if (!(data instanceof Float32Array)) throw new Error('no output');
  return data;
}

describe('a quantised network', () => {
  const program = { kind: 'network', network, weights: unevenWeights(), layer: 'd', pooling: 'none' } as const;

  it('computes nearly what it computes in float32', async () => {
    const ranges = await rangesOf(program);
    const eight = await run({ ...program, arithmetic: { kind: 'int8', ranges } }, 6);
    const whole = await run(program, 6);
    expect(eight).toHaveLength(whole.length);
    expect(relativeError(eight, whole)).toBeLessThan(0.03);
    expect(relativeError(eight, whole)).toBeGreaterThan(0);
  });

  it('makes good on average what the rounding of filters takes away', async () => {
    // Many small weights beside one large one: rounding takes from all of them alike.
    const count = 64;
    const filters = Float32Array.from({ length: count }, (_, i) => (i === 0 ? 1 : 0.0038));
    const builder = new GraphBuilder();
    builder.input('x', [-1, count, 2, 2], 'float32');
    const y = builder.node('Conv', ['x', builder.constant(filters, [1, count, 1, 1], 'float32')], {
      kernel_shape: [1, 1],
    });
    const graph = builder.finish([{ name: y, shape: [-1, 1, 2, 2], type: 'float32' }], false);
    const values = new Map([
      ['x', { min: 0, max: 1 }],
      [y, { min: 0, max: 2 }],
    ]);
    const x = { data: draws('around a half', count * 12).map((value) => 0.5 + value / 4), shape: [3, count, 2, 2] };
    const whole = await output(graph, { x });
    const means = new Map([['x', new Float32Array(count).fill(0.5)]]);
    const plain = relativeError(await output(quantizeGraph(graph, only(values), 'signed').graph, { x }), whole);
    const corrected = relativeError(
      await output(quantizeGraph(graph, { values, means }, 'signed').graph, { x }),
      whole,
    );
    expect(plain).toBeGreaterThan(0.1);
    expect(corrected).toBeLessThan(0.03);
  });

  it('gives a row the same bits in whatever batch, and twice the same', async () => {
    const ranges = await rangesOf(program);
    const eight: ForwardProgram = { ...program, arithmetic: { kind: 'int8', ranges } };
    const whole = await run(eight, 6);
    const parts = [await run(eight, 1, 0), await run(eight, 3, 1), await run(eight, 2, 4)];
    expect(parts.flatMap((part) => [...part])).toEqual([...whole]);
    expect(await run(eight, 6)).toEqual(whole);
  });

  it('tells the ranges of a row by itself', async () => {
    const calibration: ForwardProgram = { ...program, arithmetic: { kind: 'calibration' } };
    const all = await run(calibration, 6);
    expect([...(await run(calibration, 1, 2))]).toEqual([...all.slice((all.length / 6) * 2, (all.length / 6) * 3)]);
  });

  it('refuses ranges of another network', async () => {
    const wrong = { ...program, arithmetic: { kind: 'int8', ranges: new Float32Array(4) } } as const;
    await expect(Forward.open(wrong, options)).rejects.toThrow('4 numbers of a calibration for');
  });
});

describe('a fused graph', () => {
  const file = fileURLToPath(new URL('../../../../test/vectors/onnx-files/', import.meta.url));
  const expected: {
    readonly input: readonly number[];
    readonly outputs: Readonly<Record<string, { readonly numbers: readonly number[] }>>;
  } = JSON.parse(readFileSync(`${file}expected.json`, 'utf8'));
  const image = { data: Float32Array.from(expected.input), shape: [2, 3, 8, 6] };

  it('is the same network without batch norms, and its int8 form nearly so', async () => {
    const graph = readGraph(readFileSync(`${file}small.onnx`));
    const fused = fuseAffine(foldConstants(graph));
    expect(graph.nodes.map(({ op }) => op)).toContain('BatchNormalization');
    expect(fused.nodes.map(({ op }) => op)).not.toContain('BatchNormalization');
    const scores = Float32Array.from(expected.outputs['scores']?.numbers ?? []);
    expect(relativeError(await output(fused, { image }), scores)).toBeLessThan(1e-5);
    const calibrating = calibrationGraph(fused);
    const rows = await output(calibrating.graph, { image });
    const count = calibrating.values.length;
    const width = 2 * count + calibrating.means;
    const ranges = new Map(
      calibrating.values.map((name, i) => {
        const [a, b] = [i, i + count].map((at) => [rows[at] ?? 0, rows[width + at] ?? 0]);
        return [name, { min: Math.min(...(a ?? [])), max: Math.max(...(b ?? [])) }];
      }),
    );
    const { graph: eight, kept } = quantizeGraph(fused, only(ranges), 'signed');
    expect(eight.nodes.map(({ op }) => op)).toEqual(
      expect.arrayContaining(['QLinearConv', 'QLinearAdd', 'Concat', 'MaxPool', 'QGemm']),
    );
    expect(kept).toEqual([]);
    const signed = await output(eight, { image });
    expect(relativeError(signed, scores)).toBeLessThan(0.05);
    // The same integers, moved up: for processors on which signed weights overflow.
    expect(await output(quantizeGraph(fused, only(ranges), 'unsigned').graph, { image })).toEqual(signed);
  });

  it('has the same numbers where long filters are moved down by one', async () => {
    const builder = new GraphBuilder();
    builder.input('x', [-1, 96, 5, 4], 'float32');
    const filters = builder.constant(draws('filters', 8 * 96 * 9), [8, 96, 3, 3], 'float32');
    const long = builder.node('Conv', ['x', filters], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
    const y = builder.node('Conv', [long, builder.constant(draws('short', 32), [4, 8, 1, 1], 'float32')], {
      kernel_shape: [1, 1],
    });
    const graph = builder.finish([{ name: y, shape: [-1, 4, 5, 4], type: 'float32' }], false);
    const ends = (most: number) => ({ min: -most, max: most });
    const ranges = new Map(calibrationGraph(graph).values.map((name) => [name, ends(name === 'x' ? 1 : 40)]));
    const lowered = quantizeGraph(graph, only(ranges), 'lowered').graph;
    const zeros = lowered.nodes
      .filter(({ op }) => op === 'QLinearConv')
      .map(({ inputs }) => lowered.initializers.find(({ name }) => name === inputs[5])?.data.at(0));
    expect(zeros).toEqual([-1, 0]);
    const x = { data: draws('x', 3 * 96 * 20), shape: [3, 96, 5, 4] };
    const signed = await output(quantizeGraph(graph, only(ranges), 'signed').graph, { x });
    expect(await output(lowered, { x })).toEqual(signed);
    expect(relativeError(signed, await output(graph, { x }))).toBeLessThan(0.1);
  });

  it('W9 keeps an operator that it does not know in float32, and names it', async () => {
    const builder = new GraphBuilder();
    builder.input('x', [-1, 2, 4, 4], 'float32');
    const weights = () => builder.constant(draws('weights', 4), [2, 2, 1, 1], 'float32');
    const soft = builder.node('Softsign', [builder.node('Conv', ['x', weights()], { kernel_shape: [1, 1] })]);
    const y = builder.node('Conv', [soft, weights()], { kernel_shape: [1, 1] });
    const graph = builder.finish([{ name: y, shape: [-1, 2, 4, 4], type: 'float32' }], false);
    const ranges = new Map(calibrationGraph(graph).values.map((name) => [name, { min: -2, max: 2 }]));
    const { graph: eight, kept } = quantizeGraph(graph, only(ranges), 'signed');
    expect(kept).toEqual(['Softsign']);
    expect(eight.nodes.filter(({ op }) => op === 'QLinearConv')).toHaveLength(2);
    const x = { data: draws('x', 64), shape: [2, 2, 4, 4] };
    expect(relativeError(await output(eight, { x }), await output(graph, { x }))).toBeLessThan(0.06);
  });

  it('leaves an operator between eight-bit ones to float32, columns of all sizes included', async () => {
    const builder = new GraphBuilder();
    builder.input('x', [-1, 4, 4, 4], 'float32');
    const filter = () => builder.constant(draws('filter', 16), [4, 4, 1, 1], 'float32');
    const first = builder.node('Conv', ['x', filter()], { kernel_shape: [1, 1] });
    // One scale for all of these would leave nothing of the second column.
    const uneven = draws('uneven', 16).map((value, i) => (i % 4 === 1 ? value / 500 : value));
    const product = builder.node('MatMul', [first, builder.constant(uneven, [4, 4], 'float32')]);
    const back = builder.constant(Float32Array.of(1, 0, 0, 0, 0, 500, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1), [4, 4], 'float32');
    const y = builder.node('Conv', [builder.node('MatMul', [product, back]), filter()], { kernel_shape: [1, 1] });
    const graph = builder.finish([{ name: y, shape: [-1, 4, 4, 4], type: 'float32' }], false);
    const ranges = new Map(calibrationGraph(graph).values.map((name) => [name, { min: -5, max: 5 }]));
    const { graph: eight, kept } = quantizeGraph(graph, only(ranges), 'signed');
    expect(kept).toEqual(['MatMul']);
    const x = { data: draws('x', 128), shape: [2, 4, 4, 4] };
    expect(relativeError(await output(eight, { x }), await output(graph, { x }))).toBeLessThan(0.06);
  });
});

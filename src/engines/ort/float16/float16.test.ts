import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type * as ort from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { DrawStream } from '../../../base/philox.ts';
import { Message } from '../../../files/protobuf-message.ts';
import type { ForwardProgram } from '../../engine.ts';
import { Forward } from '../forward-session.ts';
import { GraphBuilder } from '../graph-builder.ts';
import { ONNX_TYPES, type OnnxGraph, type OnnxValue, writeModel } from '../onnx-writer.ts';
import { foldConstants } from '../quantize/fold-constants.ts';
import { fuseAffine } from '../quantize/fuse-affine.ts';
import { readGraph } from '../quantize/read-graph.ts';
import { createSession, tensor } from '../runtime.ts';
import { useTraceBackend } from '../trace.ts';
import { Float16Forward } from './float16-forward.ts';
import { float16Graph } from './float16-graph.ts';

beforeAll(useTraceBackend);

const options = { threads: 1, device: 'cpu' } as const;

function fixture(name: string): Buffer {
  return readFileSync(fileURLToPath(new URL(`../../../../test/vectors/${name}`, import.meta.url)));
}

function draws(purpose: string, count: number): Float32Array<ArrayBuffer> {
  const stream = new DrawStream(3, purpose);
  return Float32Array.from({ length: count }, () => stream.uniform() * 2 - 1);
}

async function output(graph: OnnxGraph, x: Float32Array, shape: readonly number[]): Promise<readonly number[]> {
  return numbersOf(
    (await run(graph, { [graph.inputs[0]?.name ?? '']: tensor(x, shape) }))[graph.outputs[0]?.name ?? ''],
  );
}

/** The same, each node by itself: a CPU computes float16 in float32, and rounds only what a run takes and gives. */
async function rounded(graph: OnnxGraph, x: Float32Array, shape: readonly number[]): Promise<readonly number[]> {
  const values = new Map([[graph.inputs[0]?.name ?? '', tensor(x, shape)]]);
  for (const node of graph.nodes) {
    const fed = Object.fromEntries([...values].filter(([name]) => node.inputs.includes(name)));
    const inputs = Object.keys(fed).map((name) => value(11, name));
    const results = await run(
      { ...graph, nodes: [node], inputs, outputs: node.outputs.map((name) => value(12, name)) },
      fed,
    );
    for (const [name, result] of Object.entries(results)) values.set(name, result);
  }
  return numbersOf(values.get(graph.outputs[0]?.name ?? ''));
}

async function run(graph: OnnxGraph, fed: Record<string, ort.Tensor>) {
  const session = await createSession(writeModel(graph), options);
  const results = await session.run(fed);
  await session.release();
  return results;
}

function numbersOf(result: ort.OnnxValue | undefined): readonly number[] {
  if (!(result?.data instanceof Float32Array)) throw new Error('no output in float32');
  return [...result.data];
}

/** A value of any shape, as its field in a model (onnx.proto: ValueInfoProto name 1, type 2; TypeProto tensor 1; Tensor element 1). */
function value(field: number, name: string): OnnxValue {
  const type = name.endsWith(' in float16') ? 'float16' : 'float32';
  const tensorType = new Message().message(1, new Message().integer(1, ONNX_TYPES[type]));
  const raw = new Message().message(field, new Message().text(1, name).message(2, tensorType)).bytes();
  return { name, shape: [], type, raw };
}

/** Root of the mean square of the difference, in units of the root of the mean square. */
function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  const square = (values: readonly number[]) => values.reduce((sum, value) => sum + value * value, 0);
  const numbers = Array.from(expected);
  expect(found).toHaveLength(numbers.length);
  return Math.sqrt(square(numbers.map((value, i) => (found[i] ?? 0) - value)) / square(numbers));
}

/** Operators that compute on float16, as their inputs' names tell. */
function halved({ nodes }: OnnxGraph): readonly string[] {
  return nodes.filter(({ op, inputs }) => op !== 'Cast' && inputs[0]?.endsWith(' in float16')).map(({ op }) => op);
}

function graphOf(build: (graph: GraphBuilder) => string, input: readonly number[], shape: readonly number[]) {
  const builder = new GraphBuilder();
  builder.input('x', [-1, ...input], 'float32');
  const y = build(builder);
  return builder.finish([{ name: y, shape: [-1, ...shape], type: 'float32' }], false);
}

describe('a float16 graph', () => {
  it("has the numbers that NumPy's float16 gives", async () => {
    const vectors: {
      readonly x: readonly number[];
      readonly weights: readonly (readonly number[])[];
      readonly biases: readonly (readonly number[])[];
      readonly float16: readonly number[];
      readonly exact: readonly number[];
    } = JSON.parse(fixture('float16/vectors.json').toString());
    const graph = graphOf(
      (builder) => {
        const constant = (numbers: readonly number[] | undefined, shape: readonly number[]) =>
          builder.constant(Float32Array.from(numbers ?? []), shape, 'float32');
        const conv = (x: string, at: number, shape: readonly number[]) => {
          const terms = [x, constant(vectors.weights[at], shape), constant(vectors.biases[at], [4])];
          return builder.node('Conv', terms, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
        };
        const first = builder.node('Relu', [conv('x', 0, [4, 3, 3, 3])]);
        const both = builder.node('Add', [first, conv(first, 1, [4, 4, 3, 3])]);
        const rows = builder.node('Reshape', [both, builder.integers([-1, 80])]);
        return builder.node('Gemm', [rows, constant(vectors.weights[2], [80, 6]), constant(vectors.biases[2], [6])]);
      },
      [3, 5, 4],
      [6],
    );
    const { graph: half, kept } = float16Graph(graph);
    expect(kept).toEqual([]);
    expect(halved(half)).toEqual(['Conv', 'Relu', 'Conv', 'Add', 'Reshape', 'Gemm']);
    expect(half.nodes.filter(({ op }) => op === 'Cast')).toHaveLength(2);
    const x = Float32Array.from(vectors.x);
    const found = await rounded(half, x, [2, 3, 5, 4]);
    expect(relativeError(await output(graph, x, [2, 3, 5, 4]), vectors.exact)).toBeLessThan(1e-6);
    expect(relativeError(vectors.float16, vectors.exact)).toBeGreaterThan(2e-4);
    // Sums in float32 instead of float64 may fall on the other side of a half now and then.
    expect(relativeError(found, vectors.float16)).toBeLessThan(1e-4);
  });

  it("is that of somebody's file too, batch norms inside of its convolutions, softmax and means in float32", async () => {
    const expected: {
      readonly input: readonly number[];
      readonly outputs: Readonly<Record<string, { readonly numbers: readonly number[] }>>;
    } = JSON.parse(fixture('onnx-files/expected.json').toString());
    const { graph, kept } = float16Graph(fuseAffine(foldConstants(readGraph(fixture('onnx-files/small.onnx')))));
    expect(kept).toEqual([]);
    expect(halved(graph)).toEqual(expect.arrayContaining(['Conv', 'Add', 'Concat', 'MaxPool', 'Gemm']));
    for (const op of ['Softmax', 'GlobalAveragePool', 'ReduceMean', 'AveragePool', 'BatchNormalization'])
      expect(halved(graph)).not.toContain(op);
    const found = await output(graph, Float32Array.from(expected.input), [2, 3, 8, 6]);
    const error = relativeError(found, expected.outputs['scores']?.numbers ?? []);
    expect(error).toBeLessThan(2e-3);
    expect(error).toBeGreaterThan(0);
  });

  const filter = (builder: GraphBuilder, scale: number) =>
    builder.constant(
      draws('filter', 16).map((value) => value * scale),
      [4, 4, 1, 1],
      'float32',
    );

  it.each([
    ['beyond 65504', 1e5],
    ['too small to have digits left', 1e-7],
  ])('leaves a layer with weights %s in float32, and names it', async (_, scale) => {
    const graph = graphOf(
      (builder) => {
        const first = builder.node('Conv', ['x', filter(builder, scale)], { kernel_shape: [1, 1] });
        const small = builder.node('Mul', [first, builder.scalar(0.5 / scale)]);
        return builder.node('Conv', [small, filter(builder, 1)], { kernel_shape: [1, 1] });
      },
      [4, 3, 3],
      [4, 3, 3],
    );
    const { graph: half, kept } = float16Graph(graph);
    expect(kept).toContain('Conv');
    expect(halved(half).filter((op) => op === 'Conv')).toHaveLength(1);
    const x = draws('x', 72);
    expect(relativeError(await output(half, x, [2, 4, 3, 3]), await output(graph, x, [2, 4, 3, 3]))).toBeLessThan(2e-3);
  });

  it('keeps an operator that it does not know in float32, and names it', async () => {
    const graph = graphOf(
      (builder) => {
        const conv = (x: string) => builder.node('Conv', [x, filter(builder, 1)], { kernel_shape: [1, 1] });
        return conv(builder.node('ThresholdedRelu', [conv('x')], { alpha: { float: 0.2 } }));
      },
      [4, 3, 3],
      [4, 3, 3],
    );
    const { graph: half, kept } = float16Graph(graph);
    expect(kept).toEqual(['ThresholdedRelu']);
    const x = draws('x', 72);
    expect(relativeError(await output(half, x, [2, 4, 3, 3]), await output(graph, x, [2, 4, 3, 3]))).toBeLessThan(2e-3);
  });

  it('leaves arithmetic on shapes alone, and limits that limit nothing', async () => {
    const largest = 3.4028234663852886e38;
    const graph = graphOf(
      (builder) => {
        const clipped = builder.node('Clip', ['x', builder.scalar(0), builder.scalar(largest)]);
        const conv = builder.node('Conv', [clipped, filter(builder, 1)], { kernel_shape: [1, 1] });
        const rows = builder.node('Gather', [builder.node('Shape', [conv]), builder.integers([0])]);
        const wanted = builder.node('Concat', [rows, builder.integers([-1])], { axis: 0 });
        return builder.node('Relu', [builder.node('Reshape', [conv, wanted])]);
      },
      [4, 3, 3],
      [36],
    );
    const { graph: half, kept } = float16Graph(graph);
    expect(kept).toEqual([]);
    expect(halved(half)).toEqual(['Clip', 'Conv', 'Reshape', 'Relu']);
    const x = draws('x', 72);
    expect(relativeError(await output(half, x, [2, 4, 3, 3]), await output(graph, x, [2, 4, 3, 3]))).toBeLessThan(2e-3);
  });
});

describe('a float16 session', () => {
  const shape = [2, 2, 2] as const;

  /** A model that multiplies 2 channels of 2×2 numbers, in stages; the numbers move about in between, which makes a CPU round them. */
  function times(...factors: readonly number[]): ForwardProgram {
    const halves = (builder: GraphBuilder, x: string) =>
      [0, 1].map((at) =>
        builder.node('Slice', [x, builder.integers([at]), builder.integers([at + 1]), builder.integers([1])]),
      );
    const multiplied = (builder: GraphBuilder) =>
      factors.reduce(
        (x, factor) =>
          builder.node('Concat', halves(builder, builder.node('Mul', [x, builder.scalar(factor)])).reverse(), {
            axis: 1,
          }),
        'x',
      );
    const graph = graphOf(multiplied, shape, shape);
    const input = { name: 'x', layout: 'nchw', shape, single: false } as const;
    return { kind: 'onnx', bytes: writeModel(graph), input, output: graph.outputs[0]?.name ?? '', pooling: 'none' };
  }

  async function run(whole: ForwardProgram, rows: Float32Array<ArrayBuffer>): Promise<Float32Array> {
    const session = await Float16Forward.open({ ...whole, arithmetic: { kind: 'float16' } }, options);
    try {
      return await session.run(rows, rows.length / 8);
    } finally {
      await session.close();
    }
  }

  it('computes nearly what the network computes in float32', async () => {
    const x = draws('rows', 24);
    const whole = await Forward.open(times(3, 0.7), options);
    const expected = await whole.run(x.slice(), 3);
    await whole.close();
    expect(relativeError(await run(times(3, 0.7), x), expected)).toBeLessThan(1e-3);
  });

  it('refuses numbers beyond 65504 instead of giving infinities', async () => {
    await expect(run(times(60000), new Float32Array(8).fill(2))).rejects.toThrow('too coarse: some of its numbers');
  });

  it('refuses a network whose numbers vanish on the way, by its first row', async () => {
    await expect(run(times(1e-4, 1e-4, 1e4, 1e4), new Float32Array(8).fill(1))).rejects.toThrow(
      /too coarse: features of the first image differ by \d+\.\d %/,
    );
  });
});

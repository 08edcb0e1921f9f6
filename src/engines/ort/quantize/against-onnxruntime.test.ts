import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../graph-builder.ts';
import { writeModel } from '../onnx-writer.ts';
import { createSession, tensor } from '../runtime.ts';
import { quantizeGraph } from './quantize-graph.ts';

const vectors: {
  readonly x: readonly number[];
  readonly filters: readonly number[];
  readonly bias: readonly number[];
  readonly range: Readonly<Record<'x' | 'y', readonly [number, number]>>;
  readonly quantized: Readonly<
    Record<'xScale' | 'xZero' | 'w' | 'wScale' | 'yScale' | 'yZero' | 'bias', readonly number[]>
  >;
  readonly output: readonly number[];
} = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../../../test/vectors/quantized/vectors.json', import.meta.url)), 'utf8'),
);

describe('a convolution with a rectifier', () => {
  const builder = new GraphBuilder();
  builder.input('x', [-1, 3, 6, 5], 'float32');
  const filters = builder.constant(Float32Array.from(vectors.filters), [4, 3, 3, 3], 'float32');
  const bias = builder.constant(Float32Array.from(vectors.bias), [4], 'float32');
  const window = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 1] };
  const y = builder.node('Relu', [builder.node('Conv', ['x', filters, bias], window)]);
  const graph = builder.finish([{ name: y, shape: [-1, 4, 3, 5], type: 'float32' }], false);
  const range = ([min, max]: readonly [number, number]) => ({ min, max });
  const ranges = new Map([
    ['x', range(vectors.range.x)],
    [y, range(vectors.range.y)],
  ]);
  const { graph: eight } = quantizeGraph(graph, { values: ranges, means: new Map() }, 'signed');

  it("has the integers and scales of ONNX Runtime's own quantiser", () => {
    const node = eight.nodes.find(({ op }) => op === 'QLinearConv');
    const tensors = (node?.inputs ?? []).map((name) => eight.initializers.find((found) => found.name === name));
    const numbers = (at: number) => Array.from(tensors[at]?.data ?? [], Number);
    const close = (found: readonly number[], expected: readonly number[], most: number) => {
      expect(found).toHaveLength(expected.length);
      found.forEach((value, i) => {
        expect(Math.abs(value - (expected[i] ?? 0))).toBeLessThanOrEqual(
          most * Math.max(1, Math.abs(expected[i] ?? 0)),
        );
      });
    };
    const { quantized } = vectors;
    close(numbers(1), quantized.xScale, 1e-7);
    expect(numbers(2)).toEqual(quantized.xZero);
    close(numbers(4), quantized.wScale, 1e-7);
    expect(numbers(3)).toEqual(quantized.w);
    close(numbers(6), quantized.yScale, 1e-7);
    expect(numbers(7)).toEqual(quantized.yZero);
    close(numbers(8), quantized.bias, 1e-4);
  });

  it('gives the same output', async () => {
    const session = await createSession(writeModel(eight), { threads: 1, device: 'cpu' }, true);
    const output = (await session.run({ x: tensor(Float32Array.from(vectors.x), [2, 3, 6, 5]) }))[y]?.data;
    await session.release();
    const [step = 0] = vectors.quantized.yScale;
    const differing = Array.from(output ?? [], Number).filter(
      (value, i) => Math.abs(value - (vectors.output[i] ?? 0)) > step / 2,
    );
    expect(output).toHaveLength(vectors.output.length);
    expect(differing).toEqual([]);
  });
});

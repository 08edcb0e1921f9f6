/** A graph that gives, a row, the least and the largest number of every value that is to be quantised. */
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../onnx-writer.ts';
import type { Range } from './quantized-numbers.ts';
import { Sites } from './sites.ts';

export const CALIBRATION = 'ranges';

/** @returns the graph, whose one output is [rows, 2 · values]: all least numbers, then all largest */
export function calibrationGraph(graph: OnnxGraph): { readonly graph: OnnxGraph; readonly values: readonly string[] } {
  const values = new Sites(graph).values();
  const nodes: OnnxNode[] = [...graph.nodes];
  const node = (op: string, inputs: readonly string[], output: string, attributes: OnnxNode['attributes'] = {}) =>
    nodes.push({ op, domain: '', inputs, outputs: [output], attributes });
  const axesAsInput = (graph.opset ?? 17) >= 18;
  const ends: string[][] = [[], []];
  values.forEach((value, i) => {
    const flat = `row ${i} of the calibration`;
    node('Reshape', [value, ROW], flat);
    for (const [end, op] of ['ReduceMin', 'ReduceMax'].entries()) {
      const output = `${op} of ${flat}`;
      if (axesAsInput) node(op, [flat, AXES], output, { keepdims: 1 });
      else node(op, [flat], output, { axes: [1], keepdims: 1 });
      ends[end]?.push(output);
    }
  });
  node('Concat', ends.flat(), CALIBRATION, { axis: 1 });
  const integers = (name: string, ...numbers: readonly bigint[]): OnnxTensor => ({
    name,
    shape: [numbers.length],
    type: 'int64',
    data: BigInt64Array.from(numbers),
  });
  return {
    graph: {
      ...graph,
      nodes,
      initializers: [...graph.initializers, integers(ROW, 0n, -1n), ...(axesAsInput ? [integers(AXES, 1n)] : [])],
      outputs: [{ name: CALIBRATION, shape: [-1, 2 * values.length], type: 'float32' }],
    },
    values,
  };
}

const ROW = 'a row each';
const AXES = 'along a row';

/** The ranges by value of what a calibration was folded to. @throws when they are of another graph */
export function rangesOf(graph: OnnxGraph, ends: Float32Array): ReadonlyMap<string, Range> {
  const values = new Sites(graph).values();
  if (ends.length !== 2 * values.length)
    throw new Error(`${ends.length / 2} ranges for ${values.length} values: they are of another network`);
  return new Map(values.map((name, i) => [name, { min: ends[i] ?? 0, max: ends[values.length + i] ?? 0 }]));
}

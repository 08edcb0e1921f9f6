/** Computes what a graph makes of constants alone, such as a batch norm's factor, and passes over nodes that do nothing. */
import { sizeOf } from '../../../networks/network.ts';
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../onnx-writer.ts';
import { isOperator, withoutUnread } from './graph-view.ts';

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
};

export function foldConstants(graph: OnnxGraph): OnnxGraph {
  const constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const nodes: OnnxNode[] = [];
  const same = new Map<string, string>();
  for (const given of graph.nodes) {
    const node = renamed(given, same);
    const [output = ''] = node.outputs;
    const made = outputs.has(output) ? undefined : computed(node, constants);
    if (made) constants.set(output, made);
    else if (isOperator(node, 'Identity') && !outputs.has(output)) same.set(output, node.inputs[0] ?? '');
    else nodes.push(node);
  }
  return withoutUnread({ ...graph, nodes, initializers: [...constants.values()] });
}

/** A node whose nested graphs read a value by its old name keeps it: nothing is folded in them. */
function renamed(node: OnnxNode, same: ReadonlyMap<string, string>): OnnxNode {
  if (!node.inputs.some((name) => same.has(name))) return node;
  const { raw: _, ...rest } = node;
  if (node.attributes['unknown'] !== undefined) throw new Error(`${node.op} reads a value that is only another's name`);
  return { ...rest, inputs: node.inputs.map((name) => same.get(name) ?? name) };
}

function computed(node: OnnxNode, constants: ReadonlyMap<string, OnnxTensor>): OnnxTensor | undefined {
  const [a, b] = node.inputs.map((name) => constants.get(name));
  const name = node.outputs[0] ?? '';
  if (!(a?.data instanceof Float32Array) || node.domain !== '') return undefined;
  if (node.op === 'Sqrt') return { ...a, name, data: a.data.map(Math.sqrt) };
  if (node.op === 'Reshape' && b?.data instanceof BigInt64Array) {
    const shape = reshaped(a.shape, Array.from(b.data, Number));
    return shape && { ...a, name, shape };
  }
  const operation = ARITHMETIC[node.op];
  if (!operation || !(b?.data instanceof Float32Array)) return undefined;
  return { name, type: 'float32', ...broadcast(operation, { ...a, data: a.data }, { ...b, data: b.data }) };
}

function reshaped(shape: readonly number[], wanted: readonly number[]): readonly number[] | undefined {
  const known = wanted.map((extent, axis) => (extent === 0 ? (shape[axis] ?? 1) : extent));
  const rest = sizeOf(shape) / known.filter((extent) => extent > 0).reduce((product, extent) => product * extent, 1);
  const whole = known.map((extent) => (extent < 0 ? rest : extent));
  return sizeOf(whole) === sizeOf(shape) ? whole : undefined;
}

interface Floats {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** NumPy's broadcasting: axes are matched from the last one, an extent of one is repeated. */
function broadcast(operation: (a: number, b: number) => number, a: Floats, b: Floats): Floats {
  const rank = Math.max(a.shape.length, b.shape.length);
  const [left, right] = [padded(a.shape, rank), padded(b.shape, rank)];
  const shape = left.map((extent, axis) => Math.max(extent, right[axis] ?? 1));
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, at) =>
    operation(a.data[place(at, shape, left)] ?? Number.NaN, b.data[place(at, shape, right)] ?? Number.NaN),
  );
  return { shape, data };
}

function padded(shape: readonly number[], rank: number): readonly number[] {
  return [...Array.from({ length: rank - shape.length }, () => 1), ...shape];
}

/** Where the number for place `at` of `shape` lies in an array of the shape `own`. */
function place(at: number, shape: readonly number[], own: readonly number[]): number {
  let [rest, stride, found] = [at, 1, 0];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis] ?? 1;
    if ((own[axis] ?? 1) > 1) {
      found += (rest % extent) * stride;
      stride *= extent;
    }
    rest = Math.floor(rest / extent);
  }
  return found;
}

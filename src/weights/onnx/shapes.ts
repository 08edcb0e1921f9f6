/**
 * Shapes and cost of an ONNX graph, as far as they follow from the common operators of image networks; `undefined` beyond.
 * The engine finds the true shape of the output when it opens the model: these are for tables, messages and predictions.
 */
import type { Node, OnnxModel, OpenShape } from '../../files/onnx/model.ts';

export interface NodeCost {
  readonly shape: OpenShape | undefined;
  /** Multiplications and additions for one row. */
  readonly flops: number;
}

type Known = ReadonlyMap<string, OpenShape>;

const SAME_SHAPE = new Set(
  'Relu LeakyRelu PRelu Elu Selu Sigmoid HardSigmoid HardSwish Tanh Softmax LogSoftmax Softplus Softsign Clip Dropout Identity BatchNormalization InstanceNormalization LRN Exp Sqrt Neg Abs Erf Gelu Mish Cast LayerNormalization'.split(
    ' ',
  ),
);
const BROADCAST = new Set('Add Sub Mul Div Pow Max Min Sum Mean'.split(' '));

/** @param input shape of the graph's input, `null` for the batch */
export function inferShapes(model: OnnxModel, inputName: string, input: OpenShape): ReadonlyMap<Node, NodeCost> {
  const known = new Map<string, OpenShape>();
  for (const [name, { shape }] of model.initializers) known.set(name, shape);
  for (const { name, shape } of [...model.values, ...model.outputs]) if (shape) known.set(name, shape);
  known.set(inputName, input);
  const costs = new Map<Node, NodeCost>();
  for (const node of model.nodes) {
    const shape = outputShape(node, known, model) ?? known.get(node.outputs[0] ?? '');
    const [output] = node.outputs;
    if (shape && output) known.set(output, shape);
    costs.set(node, { shape, flops: shape ? flopsOf(node, shape, known) : 0 });
  }
  return costs;
}

function outputShape(node: Node, known: Known, model: OnnxModel): OpenShape | undefined {
  const [first = '', second = ''] = node.inputs;
  const x = known.get(first);
  const { operator } = node;
  if (operator === 'Constant') return node.attributes.get('value')?.tensor?.shape;
  if (!x) return undefined;
  if (SAME_SHAPE.has(operator)) return x;
  if (BROADCAST.has(operator)) return broadcast(node.inputs.map((name) => known.get(name)));
  switch (operator) {
    case 'Conv': {
      const kernel = known.get(second);
      return kernel && window(node, x, kernel[0] ?? null, kernel.slice(2));
    }
    case 'MaxPool':
    case 'AveragePool':
      return window(node, x, x[1] ?? null, integersOf(node, 'kernel_shape'));
    case 'GlobalAveragePool':
    case 'GlobalMaxPool':
      return x.map((extent, axis) => (axis < 2 ? extent : 1));
    case 'Flatten':
      return flatten(x, node.attributes.get('axis')?.integer ?? 1);
    case 'Gemm': {
      const b = known.get(second);
      return b && [x[0] ?? null, b[node.attributes.get('transB')?.integer ? 0 : 1] ?? null];
    }
    case 'MatMul': {
      const b = known.get(second);
      return b && b.length === 2 ? [...x.slice(0, -1), b[1] ?? null] : undefined;
    }
    case 'Concat':
      return concat(
        node.inputs.map((name) => known.get(name)),
        node.attributes.get('axis')?.integer ?? 1,
      );
    case 'Reshape':
      return reshape(x, model.initializers.get(second)?.integers);
    case 'Transpose':
      return integersOf(node, 'perm').map((axis) => x[axis] ?? null);
    case 'ReduceMean':
    case 'ReduceMax':
      return reduce(node, x, model.initializers.get(second)?.integers);
    case 'Squeeze': {
      const axes = (model.initializers.get(second)?.integers ?? integersOf(node, 'axes')).map(
        (axis) => (axis + x.length) % x.length,
      );
      return axes.length > 0 ? x.filter((_, axis) => !axes.includes(axis)) : undefined;
    }
    default:
      return undefined;
  }
}

function integersOf(node: Node, name: string): readonly number[] {
  return node.attributes.get(name)?.integers ?? [];
}

/** A window over the spatial axes of [batch, channels, …]. */
function window(node: Node, x: OpenShape, channels: number | null, size: OpenShape): OpenShape {
  const strides = integersOf(node, 'strides');
  const pads = integersOf(node, 'pads');
  const dilations = integersOf(node, 'dilations');
  const auto = node.attributes.get('auto_pad')?.text ?? 'NOTSET';
  const up = node.attributes.get('ceil_mode')?.integer === 1;
  const spatial = x.slice(2).map((extent, axis) => {
    const length = size[axis];
    if (extent === null || length === null || length === undefined) return null;
    const stride = strides[axis] ?? 1;
    if (auto.startsWith('SAME')) return Math.ceil(extent / stride);
    const padding = auto === 'VALID' ? 0 : (pads[axis] ?? 0) + (pads[axis + size.length] ?? 0);
    const steps = (extent + padding - ((length - 1) * (dilations[axis] ?? 1) + 1)) / stride;
    return (up ? Math.ceil(steps) : Math.floor(steps)) + 1;
  });
  return [x[0] ?? null, channels, ...spatial];
}

function flatten(x: OpenShape, axis: number): OpenShape {
  return [axis === 1 ? (x[0] ?? null) : product(x.slice(0, axis)), product(x.slice(axis))];
}

function product(extents: OpenShape): number | null {
  return extents.reduce<number | null>(
    (total, extent) => (total === null || extent === null ? null : total * extent),
    1,
  );
}

function broadcast(shapes: readonly (OpenShape | undefined)[]): OpenShape | undefined {
  if (!isKnown(shapes)) return undefined;
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const extents = shapes.map((shape) =>
      axis < rank - shape.length ? 1 : (shape[axis - rank + shape.length] ?? null),
    );
    return extents.reduce((most, extent) => (most === null || extent === null ? null : Math.max(most, extent)), 1);
  });
}

function concat(shapes: readonly (OpenShape | undefined)[], axis: number): OpenShape | undefined {
  const [first] = shapes;
  if (!first || !isKnown(shapes)) return undefined;
  const at = axis < 0 ? axis + first.length : axis;
  const total = shapes.reduce<number | null>((sum, shape) => {
    const extent = shape[at] ?? null;
    return sum === null || extent === null ? null : sum + extent;
  }, 0);
  return first.map((extent, i) => (i === at ? total : extent));
}

function isKnown(shapes: readonly (OpenShape | undefined)[]): shapes is readonly OpenShape[] {
  return shapes.every((shape) => shape !== undefined);
}

function reshape(x: OpenShape, target: readonly number[] | undefined): OpenShape | undefined {
  if (!target || target.length === 0) return undefined;
  // The batch is taken as kept: rows are independent.
  const rest = product(x.slice(1));
  const extents = target.slice(1).map((extent, i) => (extent === 0 ? (x[i + 1] ?? null) : extent));
  const fixed = extents.reduce<number | null>(
    (total, extent) => (extent === -1 ? total : total === null || extent === null ? null : total * extent),
    1,
  );
  return [
    x[0] ?? null,
    ...extents.map((extent) => (extent === -1 ? (rest === null || fixed === null ? null : rest / fixed) : extent)),
  ];
}

function reduce(node: Node, x: OpenShape, listed: readonly number[] | undefined): OpenShape | undefined {
  const axes = (listed ?? integersOf(node, 'axes')).map((axis) => (axis + x.length) % x.length);
  if (axes.length === 0) return undefined;
  if (node.attributes.get('keepdims')?.integer === 0) return x.filter((_, axis) => !axes.includes(axis));
  return x.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
}

function flopsOf(node: Node, shape: OpenShape, known: Known): number {
  const places = product(shape.slice(1)) ?? 0;
  const weight = known.get(node.inputs[1] ?? '');
  if (node.operator === 'Conv' && weight) return 2 * places * (product(weight.slice(1)) ?? 0);
  if ((node.operator === 'Gemm' || node.operator === 'MatMul') && weight) return 2 * (product(weight) ?? 0);
  return 0;
}

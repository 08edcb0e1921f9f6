/** Kernels that move numbers, reduce them, or multiply matrices. */
import * as tf from '@tensorflow/tfjs-core';
import { sameShape } from './graph-builder.ts';
import { type Attributes, need, record, trace } from './register-kernel.ts';

export function registerShapeKernels(): void {
  record('Reshape', (inputs, attributes) => reshape(need(inputs, 'x'), attributes.integers('shape')));
  record('ExpandDims', (inputs, attributes) => {
    const x = need(inputs, 'input');
    const axis = attributes.number('dim', 0);
    const shape = [...x.shape];
    shape.splice(axis < 0 ? shape.length + axis + 1 : axis, 0, 1);
    return reshape(x, shape);
  });
  record('Transpose', (inputs, attributes) => {
    const x = need(inputs, 'x');
    const perm = attributes.integers('perm');
    return trace.make(
      perm.map((axis) => x.shape[axis] ?? 1),
      { name: trace.graph.node('Transpose', [trace.name(x)], { perm }) },
      x.dtype,
    );
  });
  record('PadV2', (inputs, attributes) => pad(need(inputs, 'x'), attributes.pairs('paddings')));
  record('Slice', (inputs, attributes) =>
    slice(need(inputs, 'x'), attributes.integers('begin'), attributes.integers('size')),
  );
  record('Sum', (inputs, attributes) => reduce('ReduceSum', need(inputs, 'x'), attributes, 'axis'));
  record('Mean', (inputs, attributes) => reduce('ReduceMean', need(inputs, 'x'), attributes, 'axis'));
  record('Max', (inputs, attributes) => reduce('ReduceMax', need(inputs, 'x'), attributes, 'reductionIndices'));
  record('Softmax', (inputs, attributes) => lastAxis('Softmax', need(inputs, 'logits'), attributes.number('dim', -1)));
  record('LogSoftmax', (inputs, attributes) =>
    lastAxis('LogSoftmax', need(inputs, 'logits'), attributes.number('axis', -1)),
  );
  record('BatchMatMul', (inputs, attributes) =>
    matMul(need(inputs, 'a'), need(inputs, 'b'), attributes.flag('transposeA'), attributes.flag('transposeB')),
  );
}

function reshape(x: tf.TensorInfo, wanted: readonly number[]): tf.TensorInfo {
  const shape = tf.util.inferFromImplicitShape([...wanted], tf.util.sizeFromShape(x.shape));
  if (sameShape(shape, x.shape)) return trace.share(x);
  const { values, fill, name } = trace.traced(x);
  if (name === undefined && (values || fill !== undefined)) return trace.make(shape, { values, fill }, x.dtype);
  return trace.make(shape, { name: trace.reshaped(x, shape) }, x.dtype);
}

function pad(x: tf.TensorInfo, paddings: readonly (readonly [number, number])[]): tf.TensorInfo {
  const shape = x.shape.map((extent, axis) => extent + (paddings[axis]?.[0] ?? 0) + (paddings[axis]?.[1] ?? 0));
  const order = trace.isChannelsFirst(x) ? [0, 3, 1, 2] : x.shape.map((_, axis) => axis);
  const amounts = trace.graph.integers([
    ...order.map((axis) => paddings[axis]?.[0] ?? 0),
    ...order.map((axis) => paddings[axis]?.[1] ?? 0),
  ]);
  if (trace.isChannelsFirst(x)) return trace.make(shape, { nchw: trace.graph.node('Pad', [trace.nchw(x), amounts]) });
  return trace.make(shape, { name: trace.graph.node('Pad', [trace.name(x), amounts]) });
}

function slice(x: tf.TensorInfo, begin: readonly number[], size: readonly number[]): tf.TensorInfo {
  const shape = size.map((extent, axis) => (extent === -1 ? (x.shape[axis] ?? 0) - (begin[axis] ?? 0) : extent));
  const { graph } = trace;
  const ends = shape.map((extent, axis) => (begin[axis] ?? 0) + extent);
  const axes = shape.map((_, axis) => axis);
  return trace.make(
    shape,
    { name: graph.node('Slice', [trace.name(x), graph.integers(begin), graph.integers(ends), graph.integers(axes)]) },
    x.dtype,
  );
}

function reduce(
  op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax',
  x: tf.TensorInfo,
  attributes: Attributes,
  axisName: string,
): tf.TensorInfo {
  const axes = tf.util.parseAxisParam(
    attributes.has(axisName) ? attributes.integers(axisName) : x.shape.map((_, axis) => axis),
    x.shape,
  );
  const keep = attributes.flag('keepDims');
  const shape = keep
    ? x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
    : x.shape.filter((_, axis) => !axes.includes(axis));
  const channelsFirst = trace.isChannelsFirst(x) && !keep && !axes.includes(3);
  const over = channelsFirst ? axes.map((axis) => [0, 2, 3][axis] ?? axis) : axes;
  const name = channelsFirst ? trace.nchw(x) : trace.name(x);
  const keepdims = keep ? 1 : 0;
  // In opset 17 the axes are an input of ReduceSum and an attribute of the others.
  const reduced =
    op === 'ReduceSum'
      ? trace.graph.node(op, [name, trace.graph.integers(over)], { keepdims })
      : trace.graph.node(op, [name], { axes: over, keepdims });
  return trace.make(shape, { name: reduced }, x.dtype);
}

function lastAxis(op: string, x: tf.TensorInfo, axis: number): tf.TensorInfo {
  return trace.make(x.shape, { name: trace.graph.node(op, [trace.name(x)], { axis }) });
}

/** Matrices alone: our programs multiply no batches of them. */
function matMul(a: tf.TensorInfo, b: tf.TensorInfo, transposeA: boolean, transposeB: boolean): tf.TensorInfo {
  const [aShape, bShape] = [a.shape.slice(-2), b.shape.slice(-2)];
  if ([...a.shape.slice(0, -2), ...b.shape.slice(0, -2)].some((extent) => extent !== 1))
    throw new Error('batches of matrices cannot be traced');
  const rows = (transposeA ? aShape[1] : aShape[0]) ?? 1;
  const columns = (transposeB ? bShape[0] : bShape[1]) ?? 1;
  const names = [trace.reshaped(a, aShape), trace.reshaped(b, bShape)];
  const product = trace.graph.node('Gemm', names, { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 });
  const shape = [...a.shape.slice(0, -2), rows, columns];
  const made = trace.make([rows, columns], { name: product });
  return shape.length === 2 ? made : reshape(made, shape);
}

/** Kernels that work number by number, and the ones that only rename or fill. */
import * as tf from '@tensorflow/tfjs-core';
import { sameShape } from './graph-builder.ts';
import { ONNX_TYPES } from './onnx-writer.ts';
import { need, record, trace } from './register-kernel.ts';

const UNARY = {
  Relu: 'Relu',
  Sigmoid: 'Sigmoid',
  Tanh: 'Tanh',
  Exp: 'Exp',
  Log: 'Log',
  Sqrt: 'Sqrt',
  Neg: 'Neg',
  Abs: 'Abs',
  Erf: 'Erf',
  Softplus: 'Softplus',
  Elu: 'Elu',
  Reciprocal: 'Reciprocal',
  Sign: 'Sign',
  LogicalNot: 'Not',
} as const;

const BINARY: Readonly<Record<string, readonly [op: string, dtype: tf.DataType | undefined]>> = {
  Sub: ['Sub', undefined],
  RealDiv: ['Div', undefined],
  Maximum: ['Max', undefined],
  Minimum: ['Min', undefined],
  Pow: ['Pow', undefined],
  Greater: ['Greater', 'bool'],
  GreaterEqual: ['GreaterOrEqual', 'bool'],
  Less: ['Less', 'bool'],
  LessEqual: ['LessOrEqual', 'bool'],
  Equal: ['Equal', 'bool'],
  LogicalAnd: ['And', 'bool'],
  LogicalOr: ['Or', 'bool'],
};

export function registerElementwiseKernels(): void {
  for (const [kernel, op] of Object.entries(UNARY)) record(kernel, (inputs) => unary(op, need(inputs, 'x')));
  record('Add', (inputs) => add(need(inputs, 'a'), need(inputs, 'b')));
  for (const [kernel, [op, dtype]] of Object.entries(BINARY))
    record(kernel, (inputs) => binary(op, need(inputs, 'a'), need(inputs, 'b'), dtype));
  record('Multiply', (inputs) => multiply(need(inputs, 'a'), need(inputs, 'b')));
  record('Square', (inputs) => binary('Mul', need(inputs, 'x'), need(inputs, 'x'), undefined));
  record('SquaredDifference', (inputs) => {
    const difference = binary('Sub', need(inputs, 'a'), need(inputs, 'b'), undefined);
    return binary('Mul', difference, difference, undefined);
  });
  record('Rsqrt', (inputs) => unary('Reciprocal', unary('Sqrt', need(inputs, 'x'))));
  record('Step', (inputs, attributes) => step(need(inputs, 'x'), attributes.number('alpha', 0)));
  record('EluGrad', (inputs) => eluGradient(need(inputs, 'dy'), need(inputs, 'y')));
  record('ClipByValue', (inputs, attributes) =>
    clip(need(inputs, 'x'), attributes.number('clipValueMin'), attributes.number('clipValueMax')),
  );
  record('Select', (inputs) => select(need(inputs, 'condition'), need(inputs, 't'), need(inputs, 'e')));
  record('Identity', (inputs) => trace.share(need(inputs, 'x')));
  record('Cast', (inputs, attributes) => cast(need(inputs, 'x'), attributes.dtype('dtype')));
  record('Fill', (_, attributes) =>
    trace.make(attributes.integers('shape'), { fill: attributes.number('value') }, attributes.dtype('dtype')),
  );
  record('ZerosLike', (inputs) => trace.make(need(inputs, 'x').shape, { fill: 0 }, need(inputs, 'x').dtype));
  record('OnesLike', (inputs) => trace.make(need(inputs, 'x').shape, { fill: 1 }, need(inputs, 'x').dtype));
}

function unary(op: string, x: tf.TensorInfo): tf.TensorInfo {
  if (trace.isChannelsFirst(x)) return trace.make(x.shape, { nchw: trace.graph.node(op, [trace.nchw(x)]) }, x.dtype);
  return trace.make(x.shape, { name: trace.graph.node(op, [trace.name(x)]) }, x.dtype);
}

function binary(op: string, a: tf.TensorInfo, b: tf.TensorInfo, dtype: tf.DataType | undefined): tf.TensorInfo {
  const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  if (shape.length === 4 && (trace.isChannelsFirst(a) || trace.isChannelsFirst(b))) {
    const name = trace.graph.node(op, [channelsFirst(a), channelsFirst(b)]);
    return trace.make(shape, { nchw: name }, dtype ?? a.dtype);
  }
  return trace.make(shape, { name: trace.graph.node(op, [operand(a, shape), operand(b, shape)]) }, dtype ?? a.dtype);
}

/** A sum; a vector that is added to a convolution's channels becomes its bias, which saves a pass over its output. */
function add(a: tf.TensorInfo, b: tf.TensorInfo): tf.TensorInfo {
  const { nchw } = trace.traced(a);
  if (trace.isChannelsFirst(a) && nchw !== undefined && b.shape.length === 1 && b.shape[0] === a.shape[3]) {
    const biased = trace.graph.biased(nchw, () => trace.name(b));
    if (biased !== undefined) return trace.make(a.shape, { nchw: biased });
  }
  return binary('Add', a, b, undefined);
}

/** A constant filled with one number broadcasts as a scalar, where the other operand has the full shape anyway. */
function operand(x: tf.TensorInfo, shape: readonly number[]): string {
  const fill = x.dtype === 'float32' && trace.traced(x).name === undefined ? trace.fillOf(x) : undefined;
  return fill !== undefined && (!sameShape(x.shape, shape) || x.shape.length === 0)
    ? trace.graph.scalar(fill)
    : trace.name(x);
}

/** An operand of a channels-first kernel: as it is, as a scalar, or a vector over the channels as [1, C, 1, 1]. */
function channelsFirst(x: tf.TensorInfo): string {
  if (x.shape.length === 4) return trace.nchw(x);
  const size = x.shape.reduce((product, extent) => product * extent, 1);
  if (size === 1) return trace.reshaped(x, []);
  if (x.shape.length === 1) return trace.reshaped(x, [1, size, 1, 1]);
  throw new Error(`cannot broadcast [${x.shape}] over channels-first`);
}

/** Multiplication, where one factor is known: by ones is a broadcast (a sum's gradient), by `step(x)` a choice (a relu's). */
function multiply(a: tf.TensorInfo, b: tf.TensorInfo): tf.TensorInfo {
  const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  for (const [x, factor] of [
    [a, b],
    [b, a],
  ] as const) {
    if (factor.dtype === 'float32' && trace.fillOf(factor) === 1 && trace.traced(factor).name === undefined) {
      if (sameShape(shape, x.shape)) return trace.share(x);
      return trace.make(shape, { name: trace.graph.node('Expand', [trace.name(x), trace.graph.integers(shape)]) });
    }
    const { positive } = trace.traced(factor);
    if (positive && sameShape(x.shape, factor.shape)) return wherePositive(positive, x);
  }
  return binary('Mul', a, b, undefined);
}

/** dy where the traced tensor is positive, else 0; channels-first when both are there. */
function wherePositive(
  traced: NonNullable<ReturnType<typeof trace.traced>['positive']>,
  dy: tf.TensorInfo,
): tf.TensorInfo {
  const zero = trace.graph.scalar(0);
  if (traced.nchw !== undefined && dy.shape.length === 4) {
    const mask = trace.graph.node('Greater', [traced.nchw, zero]);
    return trace.make(dy.shape, { nchw: trace.graph.node('Where', [mask, trace.nchw(dy), zero]) });
  }
  return trace.make(dy.shape, { name: trace.graph.node('Where', [trace.positiveMask(traced), trace.name(dy), zero]) });
}

/** 1 where x > 0, α elsewhere. */
function step(x: tf.TensorInfo, alpha: number): tf.TensorInfo {
  if (alpha === 0) return trace.make(x.shape, { positive: trace.traced(x) });
  const { graph } = trace;
  return trace.make(x.shape, {
    name: graph.node('Where', [trace.positiveMask(trace.traced(x)), graph.scalar(1), graph.scalar(alpha)]),
  });
}

/** dy where y ≥ 0, else dy·(y + 1): the gradient of elu by its output. */
function eluGradient(dy: tf.TensorInfo, y: tf.TensorInfo): tf.TensorInfo {
  const { graph } = trace;
  const slope = graph.node('Add', [graph.node('Min', [trace.name(y), graph.scalar(0)]), graph.scalar(1)]);
  return trace.make(dy.shape, { name: graph.node('Mul', [trace.name(dy), slope]) });
}

function clip(x: tf.TensorInfo, least: number, most: number): tf.TensorInfo {
  const bounds = [trace.graph.scalar(least), trace.graph.scalar(most)];
  if (trace.isChannelsFirst(x))
    return trace.make(x.shape, { nchw: trace.graph.node('Clip', [trace.nchw(x), ...bounds]) });
  return trace.make(x.shape, { name: trace.graph.node('Clip', [trace.name(x), ...bounds]) });
}

function select(condition: tf.TensorInfo, then: tf.TensorInfo, otherwise: tf.TensorInfo): tf.TensorInfo {
  const names = [trace.name(condition), operandOfSelect(then), operandOfSelect(otherwise)];
  return trace.make(then.shape, { name: trace.graph.node('Where', names) }, then.dtype);
}

function operandOfSelect(x: tf.TensorInfo): string {
  const fill = trace.traced(x).name === undefined && x.dtype === 'float32' ? trace.fillOf(x) : undefined;
  return fill === undefined ? trace.name(x) : trace.graph.scalar(fill);
}

function cast(x: tf.TensorInfo, dtype: tf.DataType): tf.TensorInfo {
  if (x.dtype === dtype) return trace.share(x);
  if (dtype === 'string' || dtype === 'complex64') throw new Error(`cannot cast to ${dtype}`);
  return trace.make(x.shape, { name: trace.graph.node('Cast', [trace.name(x)], { to: ONNX_TYPES[dtype] }) }, dtype);
}

/**
 * Convolutions, plain and depthwise, with their gradients. A gradient by the filter is one matrix product over unfolded
 * windows; a gradient by the input is a convolution with the turned filter, or a transposed one where strides skip.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type Attributes, need, record, trace } from './register-kernel.ts';

type Info = ReturnType<typeof tf.backend_util.computeConv2DInfo>;
type Four = [number, number, number, number];

export function registerConvolutionKernels(): void {
  record('Conv2D', (inputs, attributes) => conv(need(inputs, 'x'), need(inputs, 'filter'), attributes));
  record('Conv2DBackpropInput', (inputs, attributes) =>
    convInputGradient(need(inputs, 'dy'), need(inputs, 'filter'), attributes),
  );
  record('Conv2DBackpropFilter', (inputs, attributes) =>
    convFilterGradient(need(inputs, 'x'), need(inputs, 'dy'), attributes),
  );
  record('DepthwiseConv2dNative', (inputs, attributes) =>
    depthwise(need(inputs, 'x'), need(inputs, 'filter'), attributes),
  );
  record('DepthwiseConv2dNativeBackpropInput', (inputs, attributes) =>
    depthwiseInputGradient(need(inputs, 'dy'), need(inputs, 'filter'), attributes),
  );
  record('DepthwiseConv2dNativeBackpropFilter', (inputs, attributes) =>
    depthwiseFilterGradient(need(inputs, 'x'), need(inputs, 'dy'), attributes),
  );
}

function infoOf(x: readonly number[], filter: readonly number[], attributes: Attributes, isDepthwise: boolean): Info {
  return tf.backend_util.computeConv2DInfo(
    four(x),
    four(filter),
    attributes.spatial('strides'),
    1,
    attributes.padding('pad'),
    undefined,
    isDepthwise,
  );
}

export function four(shape: readonly number[]): Four {
  const [a = 1, b = 1, c = 1, d = 1] = shape;
  return [a, b, c, d];
}

export function padsOf({
  padInfo,
}: {
  readonly padInfo: { readonly top: number; readonly left: number; readonly bottom: number; readonly right: number };
}): Four {
  return [padInfo.top, padInfo.left, padInfo.bottom, padInfo.right];
}

function windowOf(info: Info) {
  return {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    pads: padsOf(info),
  };
}

function conv(x: tf.TensorInfo, filter: tf.TensorInfo, attributes: Attributes): tf.TensorInfo {
  const info = infoOf(x.shape, filter.shape, attributes, false);
  return trace.make(info.outShape, {
    nchw: trace.graph.node('Conv', [trace.nchw(x), filterTransposed(filter, [3, 2, 0, 1])], windowOf(info)),
  });
}

/** A filter with its axes in ONNX's order; a known one is turned while tracing, so that ONNX Runtime can lay it out for good. */
function filterTransposed(filter: tf.TensorInfo, perm: readonly number[]): string {
  const traced = trace.traced(filter);
  const shape = perm.map((axis) => filter.shape[axis] ?? 1);
  if (traced.name === undefined && traced.values instanceof Float32Array)
    return trace.graph.constant(transposed(traced.values, filter.shape, perm), shape, 'float32');
  return trace.graph.node('Transpose', [trace.name(filter)], { perm });
}

/** Numbers of a rank-4 array with its axes permuted. */
export function transposed(values: Float32Array, shape: readonly number[], perm: readonly number[]): Float32Array {
  const strides = [1, 1, 1, 1];
  for (let axis = 2; axis >= 0; axis--) strides[axis] = (strides[axis + 1] ?? 1) * (shape[axis + 1] ?? 1);
  const [n0 = 1, n1 = 1, n2 = 1, n3 = 1] = perm.map((axis) => shape[axis] ?? 1);
  const [s0 = 1, s1 = 1, s2 = 1, s3 = 1] = perm.map((axis) => strides[axis] ?? 1);
  const out = new Float32Array(values.length);
  let at = 0;
  for (let i = 0; i < n0; i++)
    for (let j = 0; j < n1; j++)
      for (let k = 0; k < n2; k++)
        for (let l = 0; l < n3; l++) out[at++] = values[i * s0 + j * s1 + k * s2 + l * s3] ?? 0;
  return out;
}

function convInputGradient(dy: tf.TensorInfo, filter: tf.TensorInfo, attributes: Attributes): tf.TensorInfo {
  const inputShape = attributes.integers('inputShape');
  const info = infoOf(inputShape, filter.shape, attributes, false);
  if (info.strideHeight > 1 || info.strideWidth > 1)
    return transposedConv(dy, filterTransposed(filter, [3, 2, 0, 1]), info, inputShape, 1);
  const turned = turnedFilter(filterTransposed(filter, [2, 3, 0, 1]));
  const pads = turnedPads(info);
  return trace.make(inputShape, {
    nchw: trace.graph.node('Conv', [trace.nchw(dy), turned], {
      kernel_shape: [info.filterHeight, info.filterWidth],
      strides: [1, 1],
      pads,
    }),
  });
}

/** A filter turned by half a circle: its last two axes backwards. */
function turnedFilter(filter: string): string {
  const { graph } = trace;
  const minusOne = graph.integers([-1, -1]);
  return graph.node('Slice', [
    filter,
    minusOne,
    graph.integers([-(2 ** 31), -(2 ** 31)]),
    graph.integers([2, 3]),
    minusOne,
  ]);
}

function turnedPads(info: Info): Four {
  const [top, left, bottom, right] = padsOf(info);
  const [height, width] = [info.filterHeight - 1, info.filterWidth - 1];
  return [height - top, width - left, height - bottom, width - right];
}

function transposedConv(
  dy: tf.TensorInfo,
  filter: string,
  info: Info,
  inputShape: readonly number[],
  group: number,
): tf.TensorInfo {
  const [top, left, bottom, right] = padsOf(info);
  const missing = [
    (inputShape[1] ?? 1) - ((info.outHeight - 1) * info.strideHeight + info.filterHeight - top - bottom),
    (inputShape[2] ?? 1) - ((info.outWidth - 1) * info.strideWidth + info.filterWidth - left - right),
  ];
  return trace.make(inputShape, {
    nchw: trace.graph.node('ConvTranspose', [trace.nchw(dy), filter], {
      ...windowOf(info),
      output_padding: missing,
      group,
    }),
  });
}

function convFilterGradient(x: tf.TensorInfo, dy: tf.TensorInfo, attributes: Attributes): tf.TensorInfo {
  const { graph } = trace;
  const filterShape = attributes.integers('filterShape');
  const info = infoOf(x.shape, filterShape, attributes, false);
  const [height, width, channels, filters] = four(filterShape);
  const places = info.outHeight * info.outWidth;
  // An image at a time, its numbers a channel in a row: so both factors lie as the product reads them.
  const columns = graph.node('Reshape', [trace.name(dy), graph.integers([info.batchSize, places, filters])]);
  const taps = tapsChannelsFirst(x, info).map((tap) =>
    graph.node('Reshape', [tap, graph.integers([info.batchSize, channels, places])]),
  );
  // Where channels are few, several places of the window in one product: the other factor is then read less often.
  const windows = groupsOf(taps, Math.max(1, Math.floor(filters / channels))).map((group) => {
    const rows = group.length === 1 ? (group[0] ?? '') : graph.node('Concat', group, { axis: 1 });
    return graph.node('ReduceSum', [graph.node('MatMul', [rows, columns]), graph.integers([0])], { keepdims: 0 });
  });
  const joined = windows.length === 1 ? (windows[0] ?? '') : graph.node('Concat', windows, { axis: 0 });
  return trace.make(filterShape, {
    name: graph.node('Reshape', [joined, graph.integers([height, width, channels, filters])]),
  });
}

function groupsOf(names: readonly string[], size: number): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(names.length / size) }, (_, i) => names.slice(i * size, (i + 1) * size));
}

/** For every place in the window the input numbers that it meets, [batch, channels, outHeight, outWidth]. */
function tapsChannelsFirst(x: tf.TensorInfo, info: Info): readonly string[] {
  const [top, left, bottom, right] = padsOf(info);
  return windowSlices(trace.nchw(x), [0, 0, top, left, 0, 0, bottom, right], [2, 3], info);
}

/** For every place in the window the input numbers that it meets, [batch, outHeight, outWidth, channels]. */
function taps(x: tf.TensorInfo, info: Info): readonly string[] {
  const [top, left, bottom, right] = padsOf(info);
  return windowSlices(trace.name(x), [0, top, left, 0, 0, bottom, right, 0], [1, 2], info);
}

/** @param spatial the axes of height and width */
function windowSlices(x: string, pads: readonly number[], spatial: readonly number[], info: Info): readonly string[] {
  const { graph } = trace;
  const padded = pads.some((pad) => pad > 0) ? graph.node('Pad', [x, graph.integers(pads)]) : x;
  const [axes, steps] = [graph.integers(spatial), graph.integers([info.strideHeight, info.strideWidth])];
  const names: string[] = [];
  for (let row = 0; row < info.filterHeight; row++) {
    for (let column = 0; column < info.filterWidth; column++) {
      const ends = [
        row + (info.outHeight - 1) * info.strideHeight + 1,
        column + (info.outWidth - 1) * info.strideWidth + 1,
      ];
      names.push(graph.node('Slice', [padded, graph.integers([row, column]), graph.integers(ends), axes, steps]));
    }
  }
  return names;
}

/** Filter [height, width, channels, multiplier]; output channel c·multiplier + m. */
function depthwise(x: tf.TensorInfo, filter: tf.TensorInfo, attributes: Attributes): tf.TensorInfo {
  const info = infoOf(x.shape, filter.shape, attributes, true);
  const weights = groupedFilter(filter, info);
  return trace.make(info.outShape, {
    nchw: trace.graph.node('Conv', [trace.nchw(x), weights], { ...windowOf(info), group: info.inChannels }),
  });
}

/** HWCM as [C·M, 1, H, W]. */
function groupedFilter(filter: tf.TensorInfo, info: Info): string {
  const traced = trace.traced(filter);
  const shape = [info.outChannels, 1, info.filterHeight, info.filterWidth];
  if (traced.name === undefined && traced.values instanceof Float32Array)
    return trace.graph.constant(transposed(traced.values, filter.shape, [2, 3, 0, 1]), shape, 'float32');
  return trace.graph.node('Reshape', [filterTransposed(filter, [2, 3, 0, 1]), trace.graph.integers(shape)]);
}

function depthwiseInputGradient(dy: tf.TensorInfo, filter: tf.TensorInfo, attributes: Attributes): tf.TensorInfo {
  const inputShape = attributes.integers('inputShape');
  const info = infoOf(inputShape, filter.shape, attributes, true);
  return transposedConv(dy, groupedFilter(filter, info), info, inputShape, info.inChannels);
}

function depthwiseFilterGradient(x: tf.TensorInfo, dy: tf.TensorInfo, attributes: Attributes): tf.TensorInfo {
  const { graph } = trace;
  const filterShape = attributes.integers('filterShape');
  const info = infoOf(x.shape, filterShape, attributes, true);
  const multiplier = info.outChannels / info.inChannels;
  const spread = [info.batchSize, info.outHeight, info.outWidth, info.inChannels];
  const gradient = graph.node('Reshape', [trace.name(dy), graph.integers([...spread, multiplier])]);
  const sums = taps(x, info).map((tap) => {
    const product = graph.node('Mul', [graph.node('Reshape', [tap, graph.integers([...spread, 1])]), gradient]);
    return graph.node('ReduceSum', [product, graph.integers([0, 1, 2])], { keepdims: 0 });
  });
  const joined = sums.length === 1 ? (sums[0] ?? '') : graph.node('Concat', sums, { axis: 0 });
  return trace.make(filterShape, { name: graph.node('Reshape', [joined, graph.integers(filterShape)]) });
}

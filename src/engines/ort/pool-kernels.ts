/** Pools and their gradients, for any window and stride. */
import * as tf from '@tensorflow/tfjs-core';
import { four, padsOf } from './convolution-kernels.ts';
import { type Attributes, need, record, trace } from './register-kernel.ts';

type Info = ReturnType<typeof tf.backend_util.computePool2DInfo>;

export function registerPoolKernels(): void {
  record('MaxPool', (inputs, attributes) => maxPool(need(inputs, 'x'), attributes));
  record('AvgPool', (inputs, attributes) => pool('AveragePool', need(inputs, 'x'), attributes));
  record('MaxPoolGrad', (inputs, attributes) => maxPoolGradient(need(inputs, 'dy'), need(inputs, 'input'), attributes));
  record('AvgPoolGrad', (inputs, attributes) =>
    averagePoolGradient(need(inputs, 'dy'), need(inputs, 'input'), attributes),
  );
}

function infoOf(x: readonly number[], attributes: Attributes): Info {
  return tf.backend_util.computePool2DInfo(
    four(x),
    attributes.spatial('filterSize'),
    attributes.spatial('strides'),
    1,
    attributes.padding('pad'),
  );
}

function windowOf(info: Info) {
  return {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    pads: padsOf(info),
  };
}

function pool(op: string, x: tf.TensorInfo, attributes: Attributes): tf.TensorInfo {
  const info = infoOf(x.shape, attributes);
  return trace.make(info.outShape, { nchw: trace.graph.node(op, [trace.nchw(x)], windowOf(info)) });
}

/** In a training graph with the places of the maxima, which the gradient will ask for. */
function maxPool(x: tf.TensorInfo, attributes: Attributes): tf.TensorInfo {
  if (trace.symbolicBatch > 0) return pool('MaxPool', x, attributes);
  const info = infoOf(x.shape, attributes);
  return trace.make(info.outShape, { nchw: maximaOf(x, info).values });
}

interface Maxima {
  readonly values: string;
  /** Flat over the whole tensor. */
  readonly places: string;
}

/** Pools of a graph, by what they take and how. */
const pooled = new WeakMap<typeof trace.graph, Map<string, Maxima>>();

function maximaOf(x: tf.TensorInfo, info: Info): Maxima {
  const input = trace.nchw(x);
  const window = windowOf(info);
  const known = pooled.get(trace.graph) ?? new Map<string, Maxima>();
  pooled.set(trace.graph, known);
  const key = JSON.stringify([input, window]);
  const found = known.get(key);
  if (found) return found;
  const [values = '', places = ''] = trace.graph.nodeOf('MaxPool', [input], 2, window);
  known.set(key, { values, places });
  return { values, places };
}

/**
 * Each window's gradient goes to its first maximum, as TensorFlow and Keras do: MaxPool's second output is that place, flat over the
 * whole tensor, and overlapping windows add up there.
 */
function maxPoolGradient(dy: tf.TensorInfo, input: tf.TensorInfo, attributes: Attributes): tf.TensorInfo {
  const { graph } = trace;
  const info = infoOf(input.shape, attributes);
  const { places } = maximaOf(input, info);
  const size = tf.util.sizeFromShape(input.shape);
  const flat = graph.integers([-1]);
  const zeros = graph.node('Expand', [graph.scalar(0), graph.integers([size])]);
  const scattered = graph.node(
    'ScatterElements',
    [zeros, graph.node('Reshape', [places, flat]), graph.node('Reshape', [trace.nchw(dy), flat])],
    { axis: 0, reduction: 'add' },
  );
  return trace.make(input.shape, {
    nchw: graph.node('Reshape', [
      scattered,
      graph.integers([info.batchSize, info.inChannels, info.inHeight, info.inWidth]),
    ]),
  });
}

/** The gradient shared out over each window's places: a transposed convolution with ones, over one channel at a time. Padding does not count, as in ONNX and TensorFlow. */
function averagePoolGradient(dy: tf.TensorInfo, input: tf.TensorInfo, attributes: Attributes): tf.TensorInfo {
  const { graph } = trace;
  const info = infoOf(input.shape, attributes);
  const counts = windowCounts(info);
  const share = graph.node('Div', [
    trace.nchw(dy),
    graph.constant(counts, [1, 1, info.outHeight, info.outWidth], 'float32'),
  ]);
  const planes = info.batchSize * info.inChannels;
  const ones = graph.constant(
    new Float32Array(info.filterHeight * info.filterWidth).fill(1),
    [1, 1, info.filterHeight, info.filterWidth],
    'float32',
  );
  const [top, left, bottom, right] = padsOf(info);
  const missing = [
    info.inHeight - ((info.outHeight - 1) * info.strideHeight + info.filterHeight - top - bottom),
    info.inWidth - ((info.outWidth - 1) * info.strideWidth + info.filterWidth - left - right),
  ];
  const flat = graph.node('Reshape', [share, graph.integers([planes, 1, info.outHeight, info.outWidth])]);
  const spread = graph.node('ConvTranspose', [flat, ones], { ...windowOf(info), output_padding: missing });
  return trace.make(input.shape, {
    nchw: graph.node('Reshape', [
      spread,
      graph.integers([info.batchSize, info.inChannels, info.inHeight, info.inWidth]),
    ]),
  });
}

/** How many places of the input each window covers. */
function windowCounts(info: Info): Float32Array {
  const [top, left] = padsOf(info);
  const covered = (at: number, stride: number, window: number, before: number, extent: number) =>
    Math.min(at * stride - before + window, extent) - Math.max(at * stride - before, 0);
  const counts = new Float32Array(info.outHeight * info.outWidth);
  for (let row = 0; row < info.outHeight; row++) {
    for (let column = 0; column < info.outWidth; column++) {
      counts[row * info.outWidth + column] =
        covered(row, info.strideHeight, info.filterHeight, top, info.inHeight) *
        covered(column, info.strideWidth, info.filterWidth, left, info.inWidth);
    }
  }
  return counts;
}

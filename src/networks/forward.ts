/** A network as a TensorFlow.js program: the one definition that every engine runs, traced or eagerly. */
import * as tf from '@tensorflow/tfjs-core';
import type { ActivationName, Layer, Network } from './network.ts';

/** How a pass treats dropout and batch norm. */
export interface ForwardMode {
  /** Dropout and batch statistics are on. */
  readonly training: boolean;
  /** Multiplier [batch, …shape] of a dropout layer: 0 or 1/(1 − rate). Asked only in training. */
  mask(layer: Extract<Layer, { type: 'dropout' }>, shape: readonly number[]): tf.Tensor;
  /** Layers whose weights stay as they are: their batch norm uses its stored statistics, as in Keras. */
  readonly frozen: ReadonlySet<string>;
}

/** The moving statistics that a training pass of batch norm would leave: new value by weight name. */
export type StatisticUpdates = Map<string, tf.Tensor>;

export const inference: ForwardMode = {
  training: false,
  mask: () => {
    throw new Error('no dropout outside of training');
  },
  frozen: new Set(),
};

/**
 * Output of layer `upTo` for a batch.
 * @param x [batch, …network.input], channels last
 * @param weight the weight of a name, in its slot's shape
 * @param statistics filled with batch norm's new moving statistics in training
 */
export function forward(
  network: Network,
  upTo: string,
  x: tf.Tensor,
  weight: (name: string) => tf.Tensor,
  mode: ForwardMode,
  statistics: StatisticUpdates = new Map(),
): tf.Tensor {
  let value = x;
  // A relu before a max-pool gives the same numbers after it, gradients included, and has less to do there.
  let postponed = false;
  for (const [i, layer] of network.layers.entries()) {
    const pooledNext = mode.training && layer.name !== upTo && network.layers[i + 1]?.type === 'max-pool';
    const postpones = pooledNext && hasRelu(layer);
    const applied: Layer = postpones ? { ...layer, activation: 'linear' } : layer;
    value = apply(applied, value, (slot) => weight(`${layer.name}/${slot}`), mode, statistics);
    if (postponed) value = tf.relu(value);
    postponed = postpones;
    if (layer.name === upTo) return value;
  }
  throw new Error(`network ${network.name} has no layer ${upTo}`);
}

type ActivatedLayer = Extract<Layer, { readonly activation: ActivationName }>;

function hasRelu(layer: Layer): layer is ActivatedLayer {
  return 'activation' in layer && layer.activation === 'relu';
}

function apply(
  layer: Layer,
  x: tf.Tensor,
  weight: (slot: string) => tf.Tensor,
  mode: ForwardMode,
  statistics: StatisticUpdates,
): tf.Tensor {
  switch (layer.type) {
    case 'dense': {
      const product = tf.matMul(as2D(x), as2D(weight('kernel')));
      return activate(layer.bias ? tf.add(product, weight('bias')) : product, layer.activation);
    }
    case 'conv2d': {
      const product = tf.conv2d(as4D(x), as4D(weight('kernel')), [...layer.strides], layer.padding);
      return activate(layer.bias ? tf.add(product, weight('bias')) : product, layer.activation);
    }
    case 'depthwise-conv2d': {
      const product = tf.depthwiseConv2d(as4D(x), as4D(weight('depthwise')), [...layer.strides], layer.padding);
      return activate(layer.bias ? tf.add(product, weight('bias')) : product, layer.activation);
    }
    case 'separable-conv2d': {
      const depthwise = tf.depthwiseConv2d(as4D(x), as4D(weight('depthwise')), [...layer.strides], layer.padding);
      const product = tf.conv2d(depthwise, as4D(weight('pointwise')), 1, 'valid');
      return activate(layer.bias ? tf.add(product, weight('bias')) : product, layer.activation);
    }
    case 'max-pool':
      return tf.maxPool(as4D(x), [...layer.size], [...layer.strides], layer.padding);
    case 'average-pool':
      return tf.avgPool(as4D(x), [...layer.size], [...layer.strides], layer.padding);
    case 'global-average-pool':
      return tf.mean(x, [1, 2]);
    case 'global-max-pool':
      return globalMaxPool(x);
    case 'flatten':
      return tf.reshape(x, [x.shape[0] ?? 1, x.size / (x.shape[0] ?? 1)]);
    case 'reshape':
      return tf.reshape(x, [x.shape[0] ?? 1, ...layer.shape]);
    case 'zero-pad': {
      const [top, bottom, left, right] = layer.padding;
      return tf.pad(x, [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ]);
    }
    case 'activation':
      return activate(x, layer.activation);
    case 'dropout':
      return mode.training && layer.rate > 0 ? tf.mul(x, mode.mask(layer, x.shape)) : x;
    case 'batch-norm':
      return batchNorm(layer, x, weight, mode, statistics);
  }
}

/**
 * Batch normalization (Ioffe and Szegedy, 2015) as Keras has it: γ·(x − μ)/√(σ² + ε) + β over the last axis. In training μ and the
 * biased σ² are the batch's, and the moving ones go on as m·old + (1 − m)·batch.
 */
function batchNorm(
  layer: Extract<Layer, { type: 'batch-norm' }>,
  x: tf.Tensor,
  weight: (slot: string) => tf.Tensor,
  mode: ForwardMode,
  statistics: StatisticUpdates,
): tf.Tensor {
  const learns = mode.training && !mode.frozen.has(layer.name);
  if (!learns) return normalize(x, weight('mean'), weight('variance'), weight, layer.epsilon);
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  const mean = tf.mean(x, axes);
  const variance = tf.mean(tf.square(tf.sub(x, mean)), axes);
  const moved = (old: tf.Tensor, batch: tf.Tensor) =>
    tf.add(tf.mul(old, layer.momentum), tf.mul(batch, 1 - layer.momentum));
  statistics.set(`${layer.name}/mean`, moved(weight('mean'), mean));
  statistics.set(`${layer.name}/variance`, moved(weight('variance'), variance));
  return normalize(x, mean, variance, weight, layer.epsilon);
}

/** As `x·f + (β − μ·f)`, so that a frozen layer folds into the convolution before it. */
function normalize(
  x: tf.Tensor,
  mean: tf.Tensor,
  variance: tf.Tensor,
  weight: (slot: string) => tf.Tensor,
  epsilon: number,
): tf.Tensor {
  const factor = tf.div(weight('gamma'), tf.sqrt(tf.add(variance, epsilon)));
  return tf.add(tf.mul(x, factor), tf.sub(weight('beta'), tf.mul(mean, factor)));
}

/** Maximum over height and width, by a window as large as the input: its gradient is the pool's. */
export function globalMaxPool(x: tf.Tensor): tf.Tensor {
  const [batch = 1, height = 1, width = 1, channels = 1] = x.shape;
  return tf.reshape(tf.maxPool(as4D(x), [height, width], [height, width], 'valid'), [batch, channels]);
}

/** Activations with Keras 3's constants. Softmax is over the last axis. */
export function activate(x: tf.Tensor, name: ActivationName): tf.Tensor {
  switch (name) {
    case 'linear':
      return x;
    case 'relu':
      return tf.relu(x);
    case 'relu6':
      return tf.clipByValue(x, 0, 6);
    case 'sigmoid':
      return tf.sigmoid(x);
    case 'tanh':
      return tf.tanh(x);
    case 'softmax':
      return tf.softmax(x);
    case 'elu':
      return tf.elu(x);
    case 'selu':
      return tf.mul(tf.add(tf.relu(x), tf.mul(tf.sub(tf.exp(tf.neg(tf.relu(tf.neg(x)))), 1), SELU_ALPHA)), SELU_SCALE);
    case 'softplus':
      return tf.softplus(x);
    case 'softsign':
      return tf.div(x, tf.add(tf.abs(x), 1));
    case 'hard-sigmoid':
      return tf.clipByValue(tf.add(tf.div(x, 6), 0.5), 0, 1);
    case 'swish':
      return tf.mul(x, tf.sigmoid(x));
    case 'gelu':
      return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1));
    case 'leaky-relu':
      return tf.sub(tf.relu(x), tf.mul(tf.relu(tf.neg(x)), 0.2));
  }
}

/** Klambauer et al., "Self-normalizing neural networks" (2017). */
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

function as4D(x: tf.Tensor): tf.Tensor4D {
  const [a = 1, b = 1, c = 1, d = 1] = x.shape;
  return x.rank === 4 ? tf.reshape(x, [a, b, c, d]) : fail(x);
}

function fail(x: tf.Tensor): never {
  throw new Error(`expected [batch, height, width, channels], found [${x.shape.join(', ')}]`);
}

/** [rows, columns]: everything after the first axis in one. */
function as2D(x: tf.Tensor): tf.Tensor2D {
  const rows = x.shape[0] ?? 1;
  return tf.reshape(x, [rows, x.size / rows]);
}

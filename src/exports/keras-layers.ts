/** A network as the layers of Keras 2, Keras 3 and TensorFlow.js, which differ in names and in what their words mean. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import type { JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { ActivationName, Layer, Network } from '../networks/network.ts';

export type Dialect = 'keras-2' | 'keras-3' | 'tfjs';

export interface KerasLayer {
  readonly className: string;
  readonly name: string;
  readonly config: JsonObject;
  /** In Keras' order: its name for a weight, and ours. */
  readonly weights: readonly { readonly name: string; readonly slot: string }[];
}

/** Activations that have a word of the same meaning. Swish is `silu` in Keras 3; gelu is the exact one everywhere. */
const SHARED: Readonly<Partial<Record<ActivationName, string>>> = {
  linear: 'linear',
  relu: 'relu',
  sigmoid: 'sigmoid',
  tanh: 'tanh',
  softmax: 'softmax',
  elu: 'elu',
  selu: 'selu',
  softplus: 'softplus',
  softsign: 'softsign',
  gelu: 'gelu',
};
const WORDS: Readonly<Record<Dialect, Readonly<Partial<Record<ActivationName, string>>>>> = {
  'keras-2': { ...SHARED, swish: 'swish' },
  'keras-3': { ...SHARED, swish: 'silu', relu6: 'relu6', 'hard-sigmoid': 'hard_sigmoid' },
  tfjs: { ...SHARED, swish: 'swish', relu6: 'relu6' },
};

/** The layers behind the input. An activation that has only a layer of its own becomes one, behind its layer. */
export function kerasLayers(network: Network, dialect: Dialect): Result<readonly KerasLayer[], Diagnostic> {
  const layers: KerasLayer[] = [];
  for (const layer of network.layers) {
    const activation = 'activation' in layer ? layer.activation : 'linear';
    const word = WORDS[dialect][activation];
    if (word === undefined && activation === 'hard-sigmoid') {
      return err(
        problem(
          'S071',
          `layer "${layer.name}" uses hard-sigmoid, which is another formula in Keras 2 and TensorFlow.js`,
          {
            help: 'write `format: keras` or `format: onnx`, or train with sigmoid',
          },
        ),
      );
    }
    if (layer.type === 'activation') {
      layers.push(word === undefined ? activationLayer(layer.name, activation, dialect) : plain(layer, word));
      continue;
    }
    layers.push(plain(layer, word ?? 'linear'));
    if (word === undefined) layers.push(activationLayer(`${layer.name}_activation`, activation, dialect));
  }
  return ok(layers);
}

function activationLayer(name: string, activation: ActivationName, dialect: Dialect): KerasLayer {
  if (activation === 'relu6') return made('ReLU', name, { max_value: 6, negative_slope: 0, threshold: 0 });
  if (activation === 'leaky-relu')
    return made('LeakyReLU', name, dialect === 'keras-3' ? { negative_slope: 0.2 } : { alpha: 0.2 });
  throw new Error(`no layer for ${activation} in ${dialect}`);
}

function made(className: string, name: string, config: JsonObject, weights: KerasLayer['weights'] = []): KerasLayer {
  const own = kerasName(name);
  return { className, name: own, config: { name: own, trainable: true, dtype: 'float32', ...config }, weights };
}

/** Keras 3 refuses slashes, and the others take them for folders. */
function kerasName(name: string): string {
  return name.replaceAll('/', '_');
}

const LAST = { data_format: 'channels_last' } as const;

function plain(layer: Layer, activation: string): KerasLayer {
  const { name } = layer;
  switch (layer.type) {
    case 'dense':
      return made(
        'Dense',
        name,
        { units: layer.units, activation, use_bias: layer.bias },
        weightsOf(layer, ['kernel']),
      );
    case 'conv2d':
      return made(
        'Conv2D',
        name,
        { filters: layer.filters, ...convolution(layer, activation) },
        weightsOf(layer, ['kernel']),
      );
    case 'depthwise-conv2d':
      return made(
        'DepthwiseConv2D',
        name,
        { ...convolution(layer, activation), depth_multiplier: 1 },
        weightsOf(layer, ['depthwise']),
      );
    case 'separable-conv2d':
      return made(
        'SeparableConv2D',
        name,
        { filters: layer.filters, ...convolution(layer, activation), depth_multiplier: 1 },
        weightsOf(layer, ['depthwise', 'pointwise']),
      );
    case 'max-pool':
    case 'average-pool': {
      const { size, strides, padding } = layer;
      const className = layer.type === 'max-pool' ? 'MaxPooling2D' : 'AveragePooling2D';
      return made(className, name, { pool_size: [...size], strides: [...strides], padding, ...LAST });
    }
    case 'global-average-pool':
      return made('GlobalAveragePooling2D', name, LAST);
    case 'global-max-pool':
      return made('GlobalMaxPooling2D', name, LAST);
    case 'flatten':
      return made('Flatten', name, LAST);
    case 'reshape':
      return made('Reshape', name, { target_shape: [...layer.shape] });
    case 'zero-pad': {
      const [top, bottom, left, right] = layer.padding;
      const padding = [
        [top, bottom],
        [left, right],
      ];
      return made('ZeroPadding2D', name, { padding, ...LAST });
    }
    case 'dropout':
      return made('Dropout', name, { rate: layer.rate });
    case 'activation':
      return made('Activation', name, { activation });
    case 'batch-norm':
      return made(
        'BatchNormalization',
        name,
        { axis: -1, momentum: layer.momentum, epsilon: layer.epsilon, center: true, scale: true },
        [
          { name: 'gamma', slot: `${name}/gamma` },
          { name: 'beta', slot: `${name}/beta` },
          { name: 'moving_mean', slot: `${name}/mean` },
          { name: 'moving_variance', slot: `${name}/variance` },
        ],
      );
  }
}

type Convolution = Extract<Layer, { type: 'conv2d' | 'depthwise-conv2d' | 'separable-conv2d' }>;

function convolution({ size, strides, padding, bias }: Convolution, activation: string): JsonObject {
  return { kernel_size: [...size], strides: [...strides], padding, ...LAST, activation, use_bias: bias };
}

const KERNEL_NAMES = { kernel: 'kernel', depthwise: 'depthwise_kernel', pointwise: 'pointwise_kernel' } as const;

function weightsOf(
  { name, bias }: Extract<Layer, { bias: boolean }>,
  kernels: readonly (keyof typeof KERNEL_NAMES)[],
): KerasLayer['weights'] {
  const own = kernels.map((kernel) => ({ name: KERNEL_NAMES[kernel], slot: `${name}/${kernel}` }));
  return bias ? [...own, { name: 'bias', slot: `${name}/bias` }] : own;
}

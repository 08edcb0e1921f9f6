/** What the contract suite runs: a small network for every kind of layer, every activation and every optimizer. */
import type { ActivationName, Layer } from '../../src/networks/network.ts';
import type { Optimizer } from '../../src/networks/optimizer.ts';

const kernel = { activation: 'linear', bias: true, init: 'glorot-uniform' } as const;
export const dense = (name: string, units: number, activation: ActivationName = 'linear') =>
  ({ ...kernel, type: 'dense', name, units, activation }) as const;
export const conv = (name: string, filters: number, strides: 1 | 2, padding: 'same' | 'valid'): Layer => ({
  ...kernel,
  type: 'conv2d',
  name,
  filters,
  size: [3, 3],
  strides: [strides, strides],
  padding,
  activation: 'relu',
});
export const pool = (
  type: 'max-pool' | 'average-pool',
  size: number,
  stride: number,
  padding: 'same' | 'valid',
): Layer => ({
  type,
  name: `${type}-${size}`,
  size: [size, size],
  strides: [stride, stride],
  padding,
});

export const tail: readonly Layer[] = [{ type: 'flatten', name: 'flatten' }, dense('logits', 3)];
export const image = [9, 8, 3];

/** One small network for every kind of layer. */
export const networks: Readonly<Record<string, readonly Layer[]>> = {
  dense: [{ type: 'flatten', name: 'in' }, dense('hidden', 7, 'tanh'), dense('logits', 3)],
  'conv2d, same': [conv('c', 4, 1, 'same'), ...tail],
  'conv2d, valid, strided': [conv('c', 4, 2, 'valid'), ...tail],
  'two conv2d': [conv('c1', 4, 1, 'same'), conv('c2', 5, 2, 'same'), ...tail],
  depthwise: [
    { ...kernel, type: 'depthwise-conv2d', name: 'd', size: [3, 3], strides: [1, 1], padding: 'same' },
    conv('c', 3, 1, 'valid'),
    ...tail,
  ],
  'depthwise, strided, after a conv2d': [
    conv('c', 4, 1, 'same'),
    { ...kernel, type: 'depthwise-conv2d', name: 'd', size: [3, 3], strides: [2, 2], padding: 'valid' },
    ...tail,
  ],
  separable: [
    conv('c', 4, 1, 'same'),
    { ...kernel, type: 'separable-conv2d', name: 's', filters: 5, size: [3, 3], strides: [1, 1], padding: 'same' },
    ...tail,
  ],
  'max-pool': [conv('c', 4, 1, 'same'), pool('max-pool', 2, 2, 'valid'), ...tail],
  'two max-pools': [conv('c', 4, 1, 'same'), pool('max-pool', 2, 1, 'valid'), pool('max-pool', 3, 2, 'same'), ...tail],
  'max-pool, overlapping': [conv('c', 4, 1, 'same'), pool('max-pool', 3, 2, 'same'), ...tail],
  // Windows that reach into the padding are left out: the reference's gradient divides by the whole window there, its forward pass does not.
  'average-pool': [conv('c', 4, 1, 'same'), pool('average-pool', 2, 2, 'valid'), ...tail],
  'average-pool, overlapping': [conv('c', 4, 1, 'same'), pool('average-pool', 3, 1, 'valid'), ...tail],
  'global average': [conv('c', 4, 1, 'same'), { type: 'global-average-pool', name: 'g' }, dense('logits', 3)],
  'global maximum': [conv('c', 4, 1, 'same'), { type: 'global-max-pool', name: 'g' }, dense('logits', 3)],
  'zero-pad': [conv('c', 4, 1, 'same'), { type: 'zero-pad', name: 'z', padding: [0, 1, 1, 0] }, ...tail],
  'batch-norm': [
    conv('c', 4, 1, 'same'),
    { type: 'batch-norm', name: 'b', momentum: 0.9, epsilon: 1e-3 },
    { type: 'activation', name: 'a', activation: 'relu' },
    ...tail,
  ],
  'batch-norm after dense': [
    { type: 'flatten', name: 'in' },
    dense('hidden', 6),
    { type: 'batch-norm', name: 'b', momentum: 0.99, epsilon: 1e-3 },
    dense('logits', 3),
  ],
  dropout: [
    { type: 'flatten', name: 'in' },
    dense('hidden', 33, 'relu'),
    { type: 'dropout', name: 'drop', rate: 0.4 },
    dense('logits', 3),
  ],
  regularized: [
    { type: 'flatten', name: 'in' },
    { ...dense('hidden', 6, 'relu'), regularization: { l1: 0.01, l2: 0.02 } },
    dense('logits', 3),
  ],
};

export const activations: readonly ActivationName[] = [
  'linear',
  'relu',
  'relu6',
  'sigmoid',
  'tanh',
  'softmax',
  'elu',
  'selu',
  'softplus',
  'softsign',
  'hard-sigmoid',
  'swish',
  'gelu',
  'leaky-relu',
];

/** What a slow engine leaves out: an update does not run on its device, and the kernels are those of the rows that stay. */
export const spared = {
  forward: ['dense', 'conv2d, same', 'two conv2d', 'average-pool', 'global average', 'zero-pad', 'regularized'],
  activations: ['linear', 'relu6', 'tanh', 'selu', 'softplus', 'softsign', 'hard-sigmoid', 'swish'],
  gradients: [
    'conv2d, same',
    'conv2d, valid, strided',
    'depthwise',
    'depthwise, strided, after a conv2d',
    'max-pool',
    'max-pool, overlapping',
    'average-pool, overlapping',
    'global maximum',
    'batch-norm after dense',
  ],
  optimizers: ['sgd', 'sgd with decay', 'momentum', 'nesterov', 'rmsprop', 'adamax', 'adagrad', 'adadelta'],
};

const none = { decay: 0 };
export const optimizers: Readonly<Record<string, Optimizer>> = {
  sgd: { ...none, type: 'sgd', learningRate: 0.1, momentum: 0, nesterov: false },
  'sgd with decay': { type: 'sgd', learningRate: 0.1, momentum: 0.9, nesterov: true, decay: 0.01 },
  momentum: { ...none, type: 'sgd', learningRate: 0.05, momentum: 0.9, nesterov: false },
  nesterov: { ...none, type: 'sgd', learningRate: 0.05, momentum: 0.9, nesterov: true },
  rmsprop: { ...none, type: 'rmsprop', learningRate: 0.01, rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false },
  'rmsprop, centred': {
    ...none,
    type: 'rmsprop',
    learningRate: 0.01,
    rho: 0.9,
    momentum: 0.5,
    epsilon: 1e-3,
    centered: true,
  },
  adam: { ...none, type: 'adam', learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
  adamax: { ...none, type: 'adamax', learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
  adagrad: { ...none, type: 'adagrad', learningRate: 0.05, initialAccumulator: 0.1, epsilon: 1e-7 },
  adadelta: { ...none, type: 'adadelta', learningRate: 1, rho: 0.95, epsilon: 1e-7 },
};

/** From the `layers:` of a pipeline file to a network: shorthands written out, names given, the logits layer added. */
import type { Json, JsonObject } from '../../base/json.ts';
import type { ActivationName, InitializerName, Layer, Network, Regularization, Shape } from '../../networks/network.ts';
import { booleanIn, choiceIn, membersOf, numberIn, wordWithSettings } from '../given-params.ts';

export const activationNames: readonly ActivationName[] = [
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

export const initializerNames: readonly InitializerName[] = [
  'zeros',
  'ones',
  'glorot-uniform',
  'glorot-normal',
  'he-uniform',
  'he-normal',
  'lecun-uniform',
  'lecun-normal',
  'random-uniform',
  'random-normal',
];

/** Keras' defaults. */
export const layerDefaults = {
  activation: 'linear',
  bias: true,
  l1: 0,
  l2: 0,
  convolution: { size: 3, strides: 1, padding: 'valid' },
  pool: { size: 2, padding: 'valid' },
  batchNorm: { momentum: 0.99, epsilon: 0.001 },
} as const;

/** What every kernel of the list starts with and is held by, where the layer itself does not say. */
export interface KernelDefaults {
  readonly init: InitializerName;
  readonly l2: number;
}

/** The last layer's name: linear, one unit a class. */
const LOGITS = 'logits';

/** Layers with every setting written out, named by type and number: `dense_1`, `dropout_1`, `dense_2`. */
export function completeLayers(given: readonly Json[], defaults: KernelDefaults): readonly Layer[] {
  const counts = new Map<string, number>();
  return given.map((entry) => {
    const [word, settings] = wordWithSettings(entry);
    const number = (counts.get(word) ?? 0) + 1;
    counts.set(word, number);
    return completeLayer(word, `${word.replaceAll('-', '_')}_${number}`, settings, defaults);
  });
}

function completeLayer(type: string, name: string, settings: Json | undefined, defaults: KernelDefaults): Layer {
  const members = membersOf(settings);
  switch (type) {
    case 'dense':
      return { type, name, units: countOf(settings, members, 'units'), ...kernelOf(members, defaults) };
    case 'conv2d':
    case 'separable-conv2d':
      return {
        type,
        name,
        filters: countOf(settings, members, 'filters'),
        ...windowOf(members),
        ...kernelOf(members, defaults),
      };
    case 'depthwise-conv2d':
      return { type, name, ...windowOf(members), ...kernelOf(members, defaults) };
    case 'max-pool':
    case 'average-pool': {
      const size = pairOf(typeof settings === 'number' ? settings : members['size'], layerDefaults.pool.size);
      const padding = choiceIn(members, 'padding', ['valid', 'same'], layerDefaults.pool.padding);
      return {
        type,
        name,
        size,
        strides: members['strides'] === undefined ? size : pairOf(members['strides'], 1),
        padding,
      };
    }
    case 'global-average-pool':
    case 'global-max-pool':
    case 'flatten':
      return { type, name };
    case 'batch-norm': {
      const d = layerDefaults.batchNorm;
      return {
        type,
        name,
        momentum: numberIn(members, 'momentum', d.momentum),
        epsilon: numberIn(members, 'epsilon', d.epsilon),
      };
    }
    case 'activation':
      return {
        type,
        name,
        activation: choiceIn({ activation: settings ?? null }, 'activation', activationNames, 'linear'),
      };
    case 'dropout':
      return { type, name, rate: numberIn({ rate: settings ?? null }, 'rate', 0) };
    default:
      throw new TypeError(`the schema let through the layer ${type}`);
  }
}

function kernelOf(members: JsonObject, defaults: KernelDefaults) {
  const l1 = numberIn(members, 'l1', layerDefaults.l1);
  const l2 = numberIn(members, 'l2', defaults.l2);
  return {
    activation: choiceIn(members, 'activation', activationNames, layerDefaults.activation),
    bias: booleanIn(members, 'bias', layerDefaults.bias),
    init: choiceIn(members, 'init', initializerNames, defaults.init),
    ...regularizationOf(l1, l2),
  };
}

function regularizationOf(l1: number, l2: number): { readonly regularization?: Regularization } {
  return l1 > 0 || l2 > 0 ? { regularization: { l1, l2 } } : {};
}

function windowOf(members: JsonObject) {
  const d = layerDefaults.convolution;
  return {
    size: pairOf(members['size'], d.size),
    strides: pairOf(members['strides'], d.strides),
    padding: choiceIn(members, 'padding', ['valid', 'same'], d.padding),
  };
}

/** The one number of a shorthand (`dense: 500`), or a member. */
function countOf(settings: Json | undefined, members: JsonObject, key: string): number {
  return typeof settings === 'number' ? settings : numberIn(members, key, 0);
}

/** `5` is `[5, 5]`. */
function pairOf(value: Json | undefined, fallback: number): readonly [number, number] {
  if (Array.isArray(value)) return [Number(value[0]), Number(value[1])];
  const side = typeof value === 'number' ? value : fallback;
  return [side, side];
}

/** Layers that turn an image into one row. */
const FLATTENING: readonly Layer['type'][] = ['flatten', 'global-average-pool', 'global-max-pool'];

/**
 * The whole network: the layers, a flatten before the first dense one where nothing has flattened the image yet, and a
 * linear layer with one unit a class (the softmax is in the loss, and in the probabilities).
 */
export function classifierNetwork(
  name: string,
  input: Shape,
  layers: readonly Layer[],
  classes: number,
  defaults: KernelDefaults,
): Network {
  const logits: Layer = {
    type: 'dense',
    name: LOGITS,
    units: classes,
    activation: 'linear',
    bias: true,
    init: defaults.init,
    ...regularizationOf(0, defaults.l2),
  };
  let flat = input.length === 1;
  const all = [...layers, logits].flatMap((layer): readonly Layer[] => {
    if (layer.type === 'dense' && !flat) {
      flat = true;
      return [{ type: 'flatten', name: 'flatten' }, layer];
    }
    if (FLATTENING.includes(layer.type)) flat = true;
    return [layer];
  });
  return { name, input, layers: all };
}

/** The architecture inside a Keras model file, of Keras 2 or 3, as a network: data only, nothing in it is ever run. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { ActivationName, InitializerName, Layer, Network, Padding } from '../networks/network.ts';

/** Why a layer cannot be taken over; thrown inside this file only. */
class Unsupported extends Error {}

const ACTIVATIONS: Readonly<Record<string, ActivationName>> = {
  linear: 'linear',
  relu: 'relu',
  relu6: 'relu6',
  sigmoid: 'sigmoid',
  tanh: 'tanh',
  softmax: 'softmax',
  elu: 'elu',
  selu: 'selu',
  softplus: 'softplus',
  softsign: 'softsign',
  swish: 'swish',
  silu: 'swish',
  gelu: 'gelu',
};

/** What Keras starts a kernel with; the numbers of the file replace it. */
const GLOROT: InitializerName = 'glorot-uniform';
const WAY_OUT = 'export the model to .onnx and use that file';

/** @param shownAs the file, for messages */
export function readKerasConfig(text: string, shownAs: string): Result<Network, Diagnostic> {
  let config: Json;
  try {
    config = JSON.parse(text);
  } catch {
    return err(problem('M007', `${shownAs} holds an architecture that is not JSON`));
  }
  try {
    return ok(networkOf(config));
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    return err(problem('M010', `${shownAs} ${error.message}`, { help: WAY_OUT }));
  }
}

interface KerasLayer {
  readonly className: string;
  readonly name: string;
  readonly config: JsonObject;
}

function networkOf(model: Json): Network {
  const className = isJsonObject(model) ? textOf(model, 'class_name') : undefined;
  if (!isJsonObject(model) || !className || !['Sequential', 'Functional', 'Model'].includes(className)) {
    throw new Unsupported(
      `holds a model of the kind ${JSON.stringify(className ?? null)}, not Sequential or Functional`,
    );
  }
  const { config } = model;
  const content: JsonObject = isJsonObject(config) ? config : { layers: config ?? [] };
  const entries = listOf(content, 'layers').map(layerEntry);
  if (className !== 'Sequential') refuseBranches(listOf(content, 'layers'), entries);
  const input = entries.map(({ config: layer }) => inputShapeOf(layer)).find((shape) => shape !== undefined);
  if (!input) throw new Unsupported('does not say the shape of its input');
  return {
    name: textOf(content, 'name') ?? 'model',
    input,
    layers: entries.filter(({ className: kind }) => kind !== 'InputLayer').map(toLayer),
  };
}

function layerEntry(entry: Json): KerasLayer {
  if (!isJsonObject(entry) || !isJsonObject(entry['config']))
    throw new Unsupported('holds an architecture of an unknown form');
  const { config } = entry;
  return {
    className: textOf(entry, 'class_name') ?? '',
    name: textOf(config, 'name') ?? textOf(entry, 'name') ?? '',
    config,
  };
}

/** A functional model is taken over when each layer reads the one before it, and only that. */
function refuseBranches(raw: readonly Json[], entries: readonly KerasLayer[]): void {
  entries.forEach(({ className, name }, i) => {
    const entry = raw[i];
    const reads = sourcesOf(isJsonObject(entry) ? (entry['inbound_nodes'] ?? []) : []);
    const before = entries[i - 1]?.name;
    if (className === 'InputLayer' && i === 0) return;
    if (className === 'InputLayer') throw new Unsupported(`has several inputs ("${entries[0]?.name}", "${name}")`);
    if (reads.length === 1 && reads[0] === before) return;
    throw new Unsupported(
      `is not a plain chain of layers: "${name}" (${className}) reads ${reads.map((source) => `"${source}"`).join(' and ') || 'nothing'}`,
    );
  });
}

/** Names of the layers whose outputs are in an `inbound_nodes` value: `["name", 0, 0, {}]` in Keras 2, `keras_history` in Keras 3. */
function sourcesOf(value: Json): readonly string[] {
  if (isJsonArray(value)) {
    const [name, node, tensor] = value;
    if (typeof name === 'string' && typeof node === 'number' && typeof tensor === 'number') return [name];
    return value.flatMap(sourcesOf);
  }
  if (!isJsonObject(value)) return [];
  const history = value['keras_history'];
  if (history && isJsonArray(history)) return typeof history[0] === 'string' ? [history[0]] : [];
  return Object.values(value).flatMap(sourcesOf);
}

function inputShapeOf(config: JsonObject): readonly number[] | undefined {
  const shape = config['batch_input_shape'] ?? config['batch_shape'];
  if (!shape || !isJsonArray(shape)) return undefined;
  const extents = shape.slice(1);
  // A side that the file leaves open is 0 here; the caller puts in the size of the images.
  return extents.map((extent) => (typeof extent === 'number' ? extent : 0));
}

function toLayer({ className, name, config }: KerasLayer): Layer {
  const refuse = (why: string) => new Unsupported(`uses the layer "${name}" (${className})${why}`);
  const expect = (key: string, allowed: readonly Json[]) => {
    const value = config[key] ?? null;
    const plain = isJsonArray(value) && value.every((item) => item === value[0]) ? (value[0] ?? null) : value;
    if (!allowed.includes(plain)) throw refuse(` with ${key} ${JSON.stringify(value)}, which is not supported`);
  };
  const window = (key: string) => ({
    size: pairOf(config[key]) ?? pairOf(2) ?? [2, 2],
    strides: pairOf(config['strides']) ?? pairOf(config[key]) ?? [1, 1],
    padding: paddingOf(config['padding']),
  });
  const convolution = () => {
    expect('data_format', ['channels_last', null]);
    expect('dilation_rate', [1, null]);
    expect('groups', [1, null]);
    expect('depth_multiplier', [1, null]);
    return { name, ...window('kernel_size'), ...kernel() };
  };
  const kernel = () => ({
    activation: activationOf(config['activation'] ?? null, refuse),
    bias: config['use_bias'] !== false,
    init: GLOROT,
  });
  switch (className) {
    case 'Dense':
      return { type: 'dense', name, units: numberOf(config, 'units'), ...kernel() };
    case 'Conv2D':
    case 'Convolution2D':
      return { type: 'conv2d', filters: numberOf(config, 'filters'), ...convolution() };
    case 'DepthwiseConv2D':
      return { type: 'depthwise-conv2d', ...convolution() };
    case 'SeparableConv2D':
      return { type: 'separable-conv2d', filters: numberOf(config, 'filters'), ...convolution() };
    case 'MaxPooling2D':
    case 'AveragePooling2D':
      expect('data_format', ['channels_last', null]);
      return { type: className === 'MaxPooling2D' ? 'max-pool' : 'average-pool', name, ...window('pool_size') };
    case 'GlobalAveragePooling2D':
    case 'GlobalMaxPooling2D':
      expect('data_format', ['channels_last', null]);
      expect('keepdims', [false, null]);
      return { type: className === 'GlobalMaxPooling2D' ? 'global-max-pool' : 'global-average-pool', name };
    case 'Flatten':
      return { type: 'flatten', name };
    case 'ZeroPadding2D':
      return { type: 'zero-pad', name, padding: marginsOf(config['padding'] ?? 1) };
    case 'Reshape':
      return { type: 'reshape', name, shape: listOf(config, 'target_shape').map(Number) };
    case 'BatchNormalization':
      expect('center', [true, null]);
      expect('scale', [true, null]);
      expect('axis', [-1, 3, 1, null]);
      return { type: 'batch-norm', name, momentum: numberOf(config, 'momentum'), epsilon: numberOf(config, 'epsilon') };
    case 'Activation':
      return { type: 'activation', name, activation: activationOf(config['activation'] ?? null, refuse) };
    case 'ReLU':
      expect('negative_slope', [0, null]);
      expect('threshold', [0, null]);
      expect('max_value', [6, null]);
      return { type: 'activation', name, activation: config['max_value'] === 6 ? 'relu6' : 'relu' };
    case 'LeakyReLU': {
      // `alpha` in Keras 2, `negative_slope` in Keras 3; theirs is 0.3 where the file says nothing.
      const slope = config['negative_slope'] ?? config['alpha'] ?? 0.3;
      if (typeof slope !== 'number' || Math.abs(slope - 0.2) > 1e-6)
        throw refuse(` with the slope ${JSON.stringify(slope)}, where only 0.2 is known`);
      return { type: 'activation', name, activation: 'leaky-relu' };
    }
    case 'ELU':
      expect('alpha', [1, null]);
      return { type: 'activation', name, activation: 'elu' };
    case 'Softmax':
      expect('axis', [-1, null]);
      return { type: 'activation', name, activation: 'softmax' };
    case 'Dropout':
    case 'SpatialDropout2D':
      return { type: 'dropout', name, rate: numberOf(config, 'rate') };
    case 'Lambda':
      throw refuse(', which is program code and is never run');
    default:
      throw refuse(', which is not known here');
  }
}

function activationOf(value: Json, refuse: (why: string) => Error): ActivationName {
  const name = isJsonObject(value) ? textOf(value, 'class_name') : value;
  const known = typeof name === 'string' ? ACTIVATIONS[name] : undefined;
  if (value === null) return 'linear';
  if (!known) throw refuse(` with the activation ${JSON.stringify(name ?? null)}, which is not supported`);
  return known;
}

function paddingOf(value: Json | undefined): Padding {
  if (value === undefined || value === 'valid') return 'valid';
  if (value === 'same') return 'same';
  throw new Unsupported(`uses the padding ${JSON.stringify(value)}, which is not supported`);
}

function pairOf(value: Json | undefined): readonly [number, number] | undefined {
  if (typeof value === 'number') return [value, value];
  if (!value || !isJsonArray(value)) return undefined;
  const [a, b] = value;
  return typeof a === 'number' && typeof b === 'number' ? [a, b] : undefined;
}

/** `1`, `[1, 2]` or `[[top, bottom], [left, right]]`. */
function marginsOf(value: Json): readonly [number, number, number, number] {
  if (typeof value === 'number') return [value, value, value, value];
  const [vertical, horizontal] = isJsonArray(value) ? value : [];
  const [top, bottom] = pairOf(vertical) ?? [];
  const [left, right] = pairOf(horizontal) ?? [];
  if (top === undefined || bottom === undefined || left === undefined || right === undefined) {
    throw new Unsupported(`uses the padding ${JSON.stringify(value)}, which is not supported`);
  }
  return [top, bottom, left, right];
}

function numberOf(config: JsonObject, key: string): number {
  const value = config[key];
  if (typeof value !== 'number') throw new Unsupported(`has a layer without ${key}`);
  return value;
}

function textOf(config: JsonObject, key: string): string | undefined {
  const value = config[key];
  return typeof value === 'string' ? value : undefined;
}

function listOf(config: JsonObject, key: string): readonly Json[] {
  const value = config[key];
  return value && isJsonArray(value) ? value : [];
}

/** Shapes, weights and cost of a network, layer by layer, and whether the layers fit together at all. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import {
  type InitializerName,
  type Layer,
  type Network,
  type Padding,
  type Shape,
  sizeOf,
  type WeightSlot,
} from './network.ts';

/** What a layer makes of its input. FLOPs count a multiplication and an addition as two, for one row. */
export interface LayerDescription {
  readonly name: string;
  readonly type: Layer['type'];
  readonly output: Shape;
  readonly parameters: number;
  readonly flops: number;
}

export interface NetworkDescription {
  readonly layers: readonly LayerDescription[];
  /** Every weight, in the order of the layers. */
  readonly slots: readonly WeightSlot[];
  readonly output: Shape;
  readonly parameters: number;
  readonly flops: number;
}

interface Effect {
  readonly output: Shape;
  readonly slots: readonly WeightSlot[];
  readonly flops: number;
}

/** Walks the layers from the input; the first one that does not fit is the diagnostic. */
export function describeNetwork(network: Network): Result<NetworkDescription, Diagnostic> {
  const layers: LayerDescription[] = [];
  const slots: WeightSlot[] = [];
  const names = new Set<string>();
  let shape = network.input;
  let before = 'the input';
  for (const layer of network.layers) {
    if (names.has(layer.name))
      return err(problem('M002', `network ${network.name} has two layers called "${layer.name}"`));
    names.add(layer.name);
    const effect = applyLayer(layer, shape);
    if (!effect.ok) {
      const message = `layer "${layer.name}" (${layer.type}) of ${network.name} ${effect.error.expected}, but ${before} gives ${showShape(shape)}`;
      return err(problem('M002', message, { help: effect.error.help }));
    }
    const { output, slots: own, flops } = effect.value;
    layers.push({ name: layer.name, type: layer.type, output, flops, parameters: parametersOf(own) });
    slots.push(...own);
    shape = output;
    before = `layer "${layer.name}"`;
  }
  const flops = layers.reduce((sum, layer) => sum + layer.flops, 0);
  return ok({ layers, slots, output: shape, parameters: parametersOf(slots), flops });
}

/** `[7, 7, 512]`, as messages and tables show shapes. */
export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

function parametersOf(slots: readonly WeightSlot[]): number {
  return slots.reduce((sum, slot) => sum + sizeOf(slot.shape), 0);
}

interface Misfit {
  /** Goes on from the layer's name: "expects …". */
  readonly expected: string;
  readonly help?: string;
}

function applyLayer(layer: Layer, input: Shape): Result<Effect, Misfit> {
  switch (layer.type) {
    case 'dense':
      return dense(layer, input);
    case 'conv2d':
    case 'depthwise-conv2d':
    case 'separable-conv2d':
      return convolution(layer, input);
    case 'max-pool':
    case 'average-pool':
      return pool(layer, input);
    case 'global-average-pool':
    case 'global-max-pool':
      return onImage(input, (_height, _width, channels) => ok(free([channels], sizeOf(input))));
    case 'flatten':
      return ok(free([sizeOf(input)], 0));
    case 'zero-pad':
      return onImage(input, (height, width, channels) => {
        const [top, bottom, left, right] = layer.padding;
        return ok(free([height + top + bottom, width + left + right, channels], 0));
      });
    case 'reshape':
      return sizeOf(layer.shape) === sizeOf(input)
        ? ok(free(layer.shape, 0))
        : err({ expected: `reshapes to ${showShape(layer.shape)}, ${sizeOf(layer.shape)} numbers` });
    case 'batch-norm':
      return batchNorm(layer.name, input);
    case 'activation':
      return ok(free(input, sizeOf(input)));
    case 'dropout':
      return layer.rate >= 0 && layer.rate < 1
        ? ok(free(input, 0))
        : err({ expected: `has rate ${layer.rate}, which must be at least 0 and below 1` });
  }
}

function free(output: Shape, flops: number): Effect {
  return { output, slots: [], flops };
}

function dense(layer: Extract<Layer, { type: 'dense' }>, input: Shape): Result<Effect, Misfit> {
  const [features] = input;
  if (features === undefined || input.length !== 1) {
    return err({
      expected: 'expects one row of features',
      help: 'put a flatten or a global pool before the first dense layer',
    });
  }
  if (!isExtent(layer.units))
    return err({ expected: `has ${layer.units} units, which must be a positive whole number` });
  const slots = [kernelSlot(layer, 'kernel', [features, layer.units], layer.init), ...biasSlots(layer, layer.units)];
  return ok({ output: [layer.units], slots, flops: 2 * features * layer.units });
}

type Convolution = Extract<Layer, { type: 'conv2d' | 'depthwise-conv2d' | 'separable-conv2d' }>;

function convolution(layer: Convolution, input: Shape): Result<Effect, Misfit> {
  return onImage(input, (height, width, channels) => {
    if (layer.type !== 'depthwise-conv2d' && !isExtent(layer.filters)) {
      return err({ expected: `has ${layer.filters} filters, which must be a positive whole number` });
    }
    const window = slide(layer, height, width);
    if (!window.ok) return window;
    const places = sizeOf(window.value);
    const taps = sizeOf(layer.size);
    if (layer.type === 'conv2d') {
      return ok({
        output: [...window.value, layer.filters],
        slots: [
          kernelSlot(layer, 'kernel', [...layer.size, channels, layer.filters], layer.init),
          ...biasSlots(layer, layer.filters),
        ],
        flops: 2 * places * taps * channels * layer.filters,
      });
    }
    const depthwise = kernelSlot(layer, 'depthwise', [...layer.size, channels, 1], layer.init);
    const depthwiseFlops = 2 * places * taps * channels;
    if (layer.type === 'depthwise-conv2d') {
      return ok({
        output: [...window.value, channels],
        slots: [depthwise, ...biasSlots(layer, channels)],
        flops: depthwiseFlops,
      });
    }
    const pointwise = kernelSlot(layer, 'pointwise', [1, 1, channels, layer.filters], layer.init);
    return ok({
      output: [...window.value, layer.filters],
      slots: [depthwise, pointwise, ...biasSlots(layer, layer.filters)],
      flops: depthwiseFlops + 2 * places * channels * layer.filters,
    });
  });
}

function pool(layer: Extract<Layer, { type: 'max-pool' | 'average-pool' }>, input: Shape): Result<Effect, Misfit> {
  return onImage(input, (height, width, channels) => {
    const window = slide(layer, height, width);
    if (!window.ok) return window;
    return ok(free([...window.value, channels], sizeOf(window.value) * sizeOf(layer.size) * channels));
  });
}

interface Window {
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;
}

/** Height and width after a sliding window: `same` ⌈n / stride⌉, `valid` ⌊(n − size) / stride⌋ + 1, as in Keras. */
function slide(
  { size, strides, padding }: Window,
  height: number,
  width: number,
): Result<readonly [number, number], Misfit> {
  if (![...size, ...strides].every(isExtent)) {
    return err({
      expected: `has window ${size.join('×')} and strides ${strides.join('×')}, which must be positive whole numbers`,
    });
  }
  if (padding === 'same') return ok([Math.ceil(height / strides[0]), Math.ceil(width / strides[1])]);
  if (height < size[0] || width < size[1]) {
    return err({
      expected: `expects at least ${size[0]}×${size[1]} pixels`,
      help: 'use larger images, fewer or smaller pools, or padding: same',
    });
  }
  return ok([Math.floor((height - size[0]) / strides[0]) + 1, Math.floor((width - size[1]) / strides[1]) + 1]);
}

function batchNorm(name: string, input: Shape): Result<Effect, Misfit> {
  const channels = input.at(-1);
  if (channels === undefined) return err({ expected: 'expects at least one axis' });
  const slot = (weight: string, init: InitializerName, trainable: boolean): WeightSlot => ({
    name: `${name}/${weight}`,
    layer: name,
    shape: [channels],
    init,
    trainable,
  });
  const slots = [
    slot('gamma', 'ones', true),
    slot('beta', 'zeros', true),
    slot('mean', 'zeros', false),
    slot('variance', 'ones', false),
  ];
  return ok({ output: input, slots, flops: 2 * sizeOf(input) });
}

function onImage(
  input: Shape,
  then: (height: number, width: number, channels: number) => Result<Effect, Misfit>,
): Result<Effect, Misfit> {
  const [height, width, channels] = input;
  if (input.length !== 3 || height === undefined || width === undefined || channels === undefined) {
    return err({
      expected: 'expects an image [height, width, channels]',
      help: 'it must stand before flatten, dense and global pools',
    });
  }
  return then(height, width, channels);
}

function kernelSlot(layer: { readonly name: string }, weight: string, shape: Shape, init: InitializerName): WeightSlot {
  return { name: `${layer.name}/${weight}`, layer: layer.name, shape, init, trainable: true };
}

function biasSlots(layer: { readonly name: string; readonly bias: boolean }, width: number): readonly WeightSlot[] {
  return layer.bias ? [kernelSlot(layer, 'bias', [width], 'zeros')] : [];
}

function isExtent(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

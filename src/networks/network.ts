/**
 * A network as data: an ordered list of named layers, each reading the one before it. Shapes leave out the batch and are
 * channels-last, `[height, width, channels]` or `[features]`, as in Keras.
 */
export type Shape = readonly number[];

export type ActivationName =
  | 'linear'
  | 'relu'
  | 'relu6'
  | 'sigmoid'
  | 'tanh'
  | 'softmax'
  | 'elu'
  | 'selu'
  | 'softplus'
  | 'softsign'
  | 'hard-sigmoid'
  | 'swish'
  | 'gelu'
  | 'leaky-relu';

export type InitializerName =
  | 'zeros'
  | 'ones'
  | 'glorot-uniform'
  | 'glorot-normal'
  | 'he-uniform'
  | 'he-normal'
  | 'lecun-uniform'
  | 'lecun-normal'
  | 'random-uniform'
  | 'random-normal';

export interface Regularization {
  readonly l1: number;
  readonly l2: number;
}

interface WithKernel {
  readonly activation: ActivationName;
  readonly bias: boolean;
  /** Kernel initialiser, with Keras' constants: random-uniform is U(-0.05, 0.05), random-normal N(0, 0.05). */
  readonly init: InitializerName;
  readonly regularization?: Regularization;
}

export type Padding = 'same' | 'valid';

/** Weights of a layer are named `<layer>/kernel`, `/bias`, `/depthwise`, `/pointwise`, `/gamma`, `/beta`, `/mean`, `/variance`. */
export type Layer =
  | ({ readonly type: 'dense'; readonly name: string; readonly units: number } & WithKernel)
  | ({
      readonly type: 'conv2d';
      readonly name: string;
      readonly filters: number;
      readonly size: readonly [number, number];
      readonly strides: readonly [number, number];
      readonly padding: Padding;
    } & WithKernel)
  | ({
      readonly type: 'depthwise-conv2d';
      readonly name: string;
      readonly size: readonly [number, number];
      readonly strides: readonly [number, number];
      readonly padding: Padding;
    } & WithKernel)
  | ({
      readonly type: 'separable-conv2d';
      readonly name: string;
      readonly filters: number;
      readonly size: readonly [number, number];
      readonly strides: readonly [number, number];
      readonly padding: Padding;
    } & WithKernel)
  | {
      readonly type: 'max-pool' | 'average-pool';
      readonly name: string;
      readonly size: readonly [number, number];
      readonly strides: readonly [number, number];
      readonly padding: Padding;
    }
  | { readonly type: 'global-average-pool' | 'global-max-pool' | 'flatten'; readonly name: string }
  | {
      readonly type: 'zero-pad';
      readonly name: string /** top, bottom, left, right */;
      readonly padding: readonly [number, number, number, number];
    }
  | { readonly type: 'reshape'; readonly name: string; readonly shape: Shape }
  | { readonly type: 'batch-norm'; readonly name: string; readonly momentum: number; readonly epsilon: number }
  | { readonly type: 'activation'; readonly name: string; readonly activation: ActivationName }
  | {
      readonly type: 'dropout';
      readonly name: string /** Share of units set to 0; the rest is scaled by 1/(1 − rate). */;
      readonly rate: number;
    };

export interface Network {
  readonly name: string;
  readonly input: Shape;
  readonly layers: readonly Layer[];
}

/** One weight of a network: what it is called, its shape and how it starts. Kernels are HWIO, depthwise kernels HWC1. */
export interface WeightSlot {
  readonly name: string;
  readonly layer: string;
  readonly shape: Shape;
  readonly init: InitializerName;
  /** False for the moving statistics of batch norm. */
  readonly trainable: boolean;
}

/** Float32 numbers of one weight, row-major. */
export interface WeightTensor {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Weight name to numbers. */
export type Weights = ReadonlyMap<string, WeightTensor>;

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

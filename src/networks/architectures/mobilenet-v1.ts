/**
 * MobileNet (Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017) as
 * Keras builds it: its layer names, and zeros below and to the right before each stride of 2.
 */
import type { Layer } from '../network.ts';
import { type Architecture, pixelModes } from './architecture.ts';

/** Filters and stride of the thirteen depthwise-separable blocks, at alpha 1. */
const BLOCKS: readonly (readonly [filters: number, stride: 1 | 2])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
];

export const mobilenetV1: Architecture = {
  name: 'mobilenet-v1',
  summary: 'MobileNet with depthwise-separable convolutions, 3.2 million parameters at alpha 1 without its top',
  size: 224,
  channels: 3,
  classes: 1000,
  pixels: pixelModes.tf,
  scalable: true,
  build: ({ height, width, channels, top, classes, alpha }) => ({
    name: `mobilenet-v1-${alpha}`,
    input: [height, width, channels],
    layers: [
      convolution('conv1', Math.floor(32 * alpha), 3, 2),
      ...normalized('conv1'),
      ...BLOCKS.flatMap(([filters, stride], i) => block(i + 1, Math.floor(filters * alpha), stride)),
      ...(top ? classifier(Math.floor(1024 * alpha), classes) : []),
    ],
  }),
};

function convolution(name: string, filters: number, side: 1 | 3, stride: 1 | 2): Layer {
  return {
    type: 'conv2d',
    name,
    filters,
    size: [side, side],
    strides: [stride, stride],
    padding: 'same',
    activation: 'linear',
    bias: false,
    init: 'glorot-uniform',
  };
}

function normalized(name: string): readonly Layer[] {
  return [
    { type: 'batch-norm', name: `${name}_bn`, momentum: 0.99, epsilon: 1e-3 },
    { type: 'activation', name: `${name}_relu`, activation: 'relu6' },
  ];
}

function block(index: number, filters: number, stride: 1 | 2): readonly Layer[] {
  const depthwise: Layer = {
    type: 'depthwise-conv2d',
    name: `conv_dw_${index}`,
    size: [3, 3],
    strides: [stride, stride],
    padding: stride === 1 ? 'same' : 'valid',
    activation: 'linear',
    bias: false,
    init: 'glorot-uniform',
  };
  return [
    ...(stride === 2 ? [{ type: 'zero-pad', name: `conv_pad_${index}`, padding: [0, 1, 0, 1] } satisfies Layer] : []),
    depthwise,
    ...normalized(`conv_dw_${index}`),
    convolution(`conv_pw_${index}`, filters, 1, 1),
    ...normalized(`conv_pw_${index}`),
  ];
}

function classifier(width: number, classes: number): readonly Layer[] {
  return [
    { type: 'global-average-pool', name: 'global_average_pooling2d' },
    { type: 'reshape', name: 'reshape_1', shape: [1, 1, width] },
    { type: 'dropout', name: 'dropout', rate: 0.001 },
    {
      type: 'conv2d',
      name: 'conv_preds',
      filters: classes,
      size: [1, 1],
      strides: [1, 1],
      padding: 'same',
      activation: 'linear',
      bias: true,
      init: 'glorot-uniform',
    },
    { type: 'reshape', name: 'reshape_2', shape: [classes] },
    { type: 'activation', name: 'predictions', activation: 'softmax' },
  ];
}

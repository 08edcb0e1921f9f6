/**
 * VGG, configurations D and E of Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
 * Recognition" (ICLR 2015), with the layer names of Keras; and a small network of that shape.
 */
import type { ActivationName, Layer } from '../network.ts';
import { type Architecture, pixelModes } from './architecture.ts';

interface Block {
  readonly convolutions: number;
  readonly filters: number;
}

function blocks(counts: readonly number[], filters: readonly number[]): readonly Block[] {
  return counts.map((convolutions, i) => ({ convolutions, filters: filters[i] ?? 0 }));
}

function convolutionalBase(list: readonly Block[]): readonly Layer[] {
  return list.flatMap(({ convolutions, filters }, i) => [
    ...Array.from({ length: convolutions }, (_, j) => convolution(`block${i + 1}_conv${j + 1}`, filters)),
    { type: 'max-pool', name: `block${i + 1}_pool`, size: [2, 2], strides: [2, 2], padding: 'valid' } satisfies Layer,
  ]);
}

function convolution(name: string, filters: number): Layer {
  return {
    type: 'conv2d',
    name,
    filters,
    size: [3, 3],
    strides: [1, 1],
    padding: 'same',
    activation: 'relu',
    bias: true,
    init: 'glorot-uniform',
  };
}

function dense(name: string, units: number, activation: ActivationName): Layer {
  return { type: 'dense', name, units, activation, bias: true, init: 'glorot-uniform' };
}

function vgg(name: string, summary: string, counts: readonly number[]): Architecture {
  return {
    name,
    summary,
    size: 224,
    channels: 3,
    classes: 1000,
    pixels: pixelModes.caffe,
    scalable: false,
    build: ({ height, width, channels, top, classes }) => ({
      name,
      input: [height, width, channels],
      layers: [
        ...convolutionalBase(blocks(counts, [64, 128, 256, 512, 512])),
        ...(top
          ? [
              { type: 'flatten', name: 'flatten' } satisfies Layer,
              dense('fc1', 4096, 'relu'),
              dense('fc2', 4096, 'relu'),
              dense('predictions', classes, 'softmax'),
            ]
          : []),
      ],
    }),
  };
}

export const vgg16 = vgg(
  'vgg16',
  'VGG with 16 weight layers, 138 million parameters with its top, 15 million without',
  [2, 2, 3, 3, 3],
);
export const vgg19 = vgg(
  'vgg19',
  'VGG with 19 weight layers, 144 million parameters with its top, 20 million without',
  [2, 2, 4, 4, 4],
);

/** Small enough to be trained here and shipped: 72 thousand parameters, 4×4×64 features of a 32×32 image. */
export const vggMini: Architecture = {
  name: 'vgg-mini',
  summary:
    'a small network in the shape of VGG for 32×32 grey images, trained on letters and symbols, shipped with the package',
  size: 32,
  channels: 1,
  classes: 10,
  pixels: pixelModes.unit,
  scalable: false,
  build: ({ height, width, channels, top, classes }) => ({
    name: 'vgg-mini',
    input: [height, width, channels],
    layers: [
      ...convolutionalBase(blocks([2, 2, 2], [16, 32, 64])).map(heInitialized),
      ...(top
        ? [
            { type: 'flatten', name: 'flatten' } satisfies Layer,
            dense('fc1', 128, 'relu'),
            dense('predictions', classes, 'softmax'),
          ]
        : []),
    ],
  }),
};

function heInitialized(layer: Layer): Layer {
  return layer.type === 'conv2d' ? { ...layer, init: 'he-uniform' } : layer;
}

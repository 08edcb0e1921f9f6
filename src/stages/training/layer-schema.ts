/** TypeBox schema of `layers:`. Imported by `params.ts` files alone. */
import { type TProperties, Type } from 'typebox';
import { activationNames, initializerNames, layerDefaults } from './layer-list.ts';

const closed = { additionalProperties: false };

function kernelProperties(initDescription: string) {
  return {
    activation: Type.Optional(
      Type.Enum([...activationNames], {
        default: layerDefaults.activation,
        description: 'Function applied to the output.',
      }),
    ),
    init: Type.Optional(Type.Enum([...initializerNames], { description: initDescription })),
    bias: Type.Optional(Type.Boolean({ default: layerDefaults.bias, description: 'Whether a bias is added.' })),
    l1: Type.Optional(
      Type.Number({ minimum: 0, default: layerDefaults.l1, description: 'Adds l1 · Σ|w| of the kernel to the loss.' }),
    ),
    l2: Type.Optional(
      Type.Number({
        minimum: 0,
        default: layerDefaults.l2,
        description: "Adds l2 · Σw² of the kernel to the loss; by default the stage's `l2`.",
      }),
    ),
  };
}

const kernel = kernelProperties("How the kernel starts, with Keras' constants; by default the stage's `init`.");

/** `5` or `[5, 3]`. */
function pair(description: string, fallback: number) {
  const side = Type.Integer({ minimum: 1 });
  return Type.Optional(Type.Union([side, Type.Tuple([side, side])], { default: fallback, description }));
}

const window = {
  size: pair('Height and width of the kernel; one number for a square.', layerDefaults.convolution.size),
  strides: pair('Steps down and to the right.', layerDefaults.convolution.strides),
  padding: Type.Optional(
    Type.Enum(['valid', 'same'], {
      default: layerDefaults.convolution.padding,
      description: 'valid: only whole windows. same: zeros around the image.',
    }),
  ),
};

const units = Type.Integer({ minimum: 1, description: 'Width of the output.' });
const filters = Type.Integer({ minimum: 1, description: 'Channels of the output.' });

/** `{word: settings}`. */
function layer(word: string, description: string, settings: TProperties[string]) {
  return Type.Object({ [word]: settings }, { ...closed, description });
}

const dense = layer(
  'dense',
  'Fully connected. An image is flattened before it.',
  Type.Union([units, Type.Object({ units, ...kernel }, closed)], {
    description: 'The units alone, or a map with more settings.',
  }),
);

const dropout = layer(
  'dropout',
  'Sets a share of the units to 0 during training.',
  Type.Number({ minimum: 0, exclusiveMaximum: 1, description: 'Share of units set to 0.' }),
);

const batchNormSettings = Type.Object(
  {
    momentum: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        default: layerDefaults.batchNorm.momentum,
        description: 'Weight of the old moving statistics.',
      }),
    ),
    epsilon: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        default: layerDefaults.batchNorm.epsilon,
        description: 'Added to the variance.',
      }),
    ),
  },
  closed,
);
const batchNorm = [
  Type.Literal('batch-norm', { description: 'Batch normalization.' }),
  layer('batch-norm', 'Batch normalization.', batchNormSettings),
];

const activation = layer(
  'activation',
  'A function alone.',
  Type.Enum([...activationNames], { description: 'The function.' }),
);

function pool(word: string, description: string) {
  const side = Type.Integer({ minimum: 1 });
  const settings = Type.Object(
    {
      size: pair('Height and width of the window.', layerDefaults.pool.size),
      strides: Type.Optional(
        Type.Union([side, Type.Tuple([side, side])], {
          description: 'Steps down and to the right; by default the size.',
        }),
      ),
      padding: window.padding,
    },
    closed,
  );
  return layer(
    word,
    description,
    Type.Union([side, settings], { description: 'The size alone, or a map with more settings.' }),
  );
}

const imageLayers = [
  layer('conv2d', 'Convolution.', Type.Object({ filters, ...window, ...kernel }, closed)),
  layer('depthwise-conv2d', 'Convolution of each channel by itself.', Type.Object({ ...window, ...kernel }, closed)),
  layer(
    'separable-conv2d',
    'Depthwise, then pointwise convolution.',
    Type.Object({ filters, ...window, ...kernel }, closed),
  ),
  pool('max-pool', 'Greatest value of each window.'),
  pool('average-pool', 'Mean of each window.'),
  Type.Enum(['flatten', 'global-average-pool', 'global-max-pool'], { description: 'Turns an image into one row.' }),
];

/** Every kind of layer: features may be images too, such as 7×7×512. */
export function layersSchema(description: string) {
  return Type.Array(Type.Union([dense, dropout, activation, ...batchNorm, ...imageLayers]), {
    maxItems: 1000,
    description,
  });
}

/** The two settings that every kernel of a list starts from. */
export const kernelDefaultsSchema = {
  init: Type.Optional(
    Type.Enum([...initializerNames], {
      default: 'glorot-uniform',
      description: "How kernels start where the layer does not say, with Keras' constants; random-uniform is ±0.05.",
    }),
  ),
  l2: Type.Optional(
    Type.Number({
      minimum: 0,
      default: 0,
      description:
        'Adds l2 · Σw² of every kernel to the loss where the layer does not say, the last one (the logits) included.',
    }),
  ),
};

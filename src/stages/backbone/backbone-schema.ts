import { Type } from 'typebox';
import { initializerNames } from '../training/layer-list.ts';
import { backboneDefaults as defaults } from './backbone-defaults.ts';

const closed = { additionalProperties: false };

/** The params that name a pretrained network. */
export const backboneSchema = {
  backbone: Type.Union(
    [
      Type.String({
        minLength: 1,
        description: 'vgg16, vgg19, mobilenet-v1, vgg-mini, or the path of an .onnx, .h5 or .keras file.',
      }),
      Type.Object(
        {
          'mobilenet-v1': Type.Object(
            {
              alpha: Type.Optional(
                Type.Number({
                  exclusiveMinimum: 0,
                  maximum: 4,
                  default: defaults.alpha,
                  description: 'Width of the network; ImageNet weights exist for 0.25, 0.5, 0.75 and 1.',
                }),
              ),
            },
            closed,
          ),
        },
        { ...closed, description: 'MobileNet with its width.' },
      ),
      Type.Object(
        {
          file: Type.String({ minLength: 1, description: 'Path of an .onnx, .h5 or .keras file.' }),
          layout: Type.Optional(
            Type.Enum(['nchw', 'nhwc'], {
              description:
                'Order of the axes of an ONNX input, where its extents do not tell; by default it is read from them.',
            }),
          ),
        },
        { ...closed, description: 'A model file that does not tell all by itself.' },
      ),
    ],
    { description: 'The pretrained network.' },
  ),
  weights: Type.Optional(
    Type.Union(
      [
        Type.String({
          minLength: 1,
          description:
            'imagenet: the file that Keras publishes. included: what comes with the backbone. random: untrained. Else the path of an .h5, .keras or .safetensors file.',
        }),
        Type.Object(
          {
            random: Type.Object(
              {
                init: Type.Optional(
                  Type.Enum([...initializerNames], {
                    description: "How kernels start; by default as the network's authors did.",
                  }),
                ),
                seed: Type.Optional(
                  Type.Integer({ default: defaults.randomSeed, description: 'Seed of the numbers.' }),
                ),
              },
              closed,
            ),
          },
          { ...closed, description: 'Untrained weights.' },
        ),
        Type.Object(
          {
            url: Type.String({
              pattern: '^https?://',
              description: 'Address of an .h5, .keras or .safetensors file.',
            }),
            sha256: Type.String({
              pattern: '^[0-9a-fA-F]{64}$',
              description: 'Its SHA-256, checked before it is read.',
            }),
          },
          { ...closed, description: 'Weights from an address of your own.' },
        ),
      ],
      {
        description: 'Its numbers. By default imagenet where Keras publishes them, else what comes with the backbone.',
      },
    ),
  ),
  top: Type.Optional(
    Type.Boolean({
      default: defaults.top,
      description: 'Whether the classifier that the network was trained with is kept.',
    }),
  ),
  layer: Type.Optional(
    Type.Union([Type.String({ minLength: 1 }), Type.Null()], {
      default: defaults.layer,
      description: 'The layer whose output is kept; by default the last. `pipe backbone show` lists them.',
    }),
  ),
  pooling: Type.Optional(
    Type.Enum(['none', 'average', 'max'], {
      default: defaults.pooling,
      description: 'Reduces height and width of the output to one number a channel.',
    }),
  ),
};

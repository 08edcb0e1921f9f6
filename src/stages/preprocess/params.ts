import { Type } from 'typebox';
import { defaults } from './defaults.ts';

const extent = (description: string) => Type.Integer({ minimum: 1, maximum: 8192, description });
const pair = (description: string) => Type.Array(extent('Pixels.'), { minItems: 2, maxItems: 2, description });
const numbers = (description: string) => Type.Array(Type.Number(), { minItems: 1, maxItems: 3, description });

export const preprocessParams = Type.Object(
  {
    size: Type.Optional(
      Type.Union([extent('Height and width.'), pair('Height, then width.')], {
        default: [...defaults.size],
        description: 'Size of the images that the network sees: one number for a square, or [height, width].',
      }),
    ),
    fit: Type.Optional(
      Type.Enum(['fill', 'cover', 'contain'], {
        default: defaults.fit,
        description: 'fill stretches, cover cuts off what does not fit, contain adds black borders.',
      }),
    ),
    kernel: Type.Optional(
      Type.Enum(['nearest', 'bilinear', 'cubic', 'mitchell', 'lanczos2', 'lanczos3'], {
        default: defaults.kernel,
        description: 'How pixels are mixed when the size changes; widened where it shrinks.',
      }),
    ),
    channels: Type.Optional(
      Type.Enum(['rgb', 'gray', 'gray-as-rgb'], {
        default: defaults.channels,
        description: 'Colours, one grey channel, or grey in three channels.',
      }),
    ),
    crop: Type.Optional(
      Type.Union([extent('Height and width.'), pair('Height, then width.'), Type.Null()], {
        default: defaults.crop,
        description: 'Scales to cover this size and cuts out its centre, before the final size. null for none.',
      }),
    ),
    normalize: Type.Optional(
      Type.Union(
        [
          Type.Enum(['backbone', 'caffe', 'tf', 'torch', 'unit', 'dataset', 'none']),
          Type.Object(
            {
              mean: numbers('Mean a channel, of values 0–255.'),
              std: numbers('Deviation a channel, of values 0–255.'),
            },
            { additionalProperties: false },
          ),
        ],
        {
          default: defaults.normalize,
          description:
            'What is done to the numbers 0–255: what the backbone was trained with, a named convention, the mean and deviation of the training images, or values of your own.',
        },
      ),
    ),
    onBadImage: Type.Optional(
      Type.Enum(['fail', 'skip'], {
        default: defaults.onBadImage,
        description: 'What happens to an image that cannot be decoded.',
      }),
    ),
  },
  { additionalProperties: false },
);

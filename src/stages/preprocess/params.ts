import { Type } from 'typebox';
import { fillModes, flips } from '../../images/pixel-spec.ts';
import { augmentDefaults, defaults } from './defaults.ts';

const extent = (description: string) => Type.Integer({ minimum: 1, maximum: 8192, description });
const pair = (description: string) => Type.Array(extent('Pixels.'), { minItems: 2, maxItems: 2, description });
const numbers = (description: string) => Type.Array(Type.Number(), { minItems: 1, maxItems: 3, description });

const closed = { additionalProperties: false };

/** A number from 0, which changes nothing, to `maximum`. */
const reach = (maximum: number, given: number, description: string) =>
  Type.Optional(Type.Number({ minimum: 0, maximum, default: given, description }));

const augmentation = Type.Object(
  {
    flip: Type.Optional(
      Type.Enum([...flips], {
        default: augmentDefaults.flip,
        description: 'Directions in which an image is mirrored in half of the draws; horizontal swaps left and right.',
      }),
    ),
    shift: Type.Optional(
      Type.Union(
        [
          Type.Number({ minimum: 0, maximum: 1, description: 'Share of the height and of the width.' }),
          Type.Object(
            {
              height: reach(1, augmentDefaults.shift, 'Up or down by at most this share of the height.'),
              width: reach(1, augmentDefaults.shift, 'Left or right by at most this share of the width.'),
            },
            closed,
          ),
        ],
        { default: augmentDefaults.shift, description: 'Moves by at most this share of the image in each direction.' },
      ),
    ),
    rotate: reach(180, augmentDefaults.rotate, 'Turns by at most this many degrees, either way around.'),
    zoom: reach(0.9, augmentDefaults.zoom, 'Multiplies the size by 1 − zoom to 1 + zoom.'),
    shear: reach(80, augmentDefaults.shear, 'Leans upright lines by at most this many degrees.'),
    contrast: reach(
      1,
      augmentDefaults.contrast,
      'Multiplies the distance from the mean of each channel by 1 − contrast to 1 + contrast.',
    ),
    brightness: reach(1, augmentDefaults.brightness, 'Adds or takes away at most this share of the range 0–255.'),
    fill: Type.Optional(
      Type.Enum([...fillModes], {
        default: augmentDefaults.fill,
        description: 'What stands beyond the edges: the last pixels, the mirror image, the other side, or black.',
      }),
    ),
  },
  { ...closed, minProperties: 1, description: 'How far the changes go.' },
);

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
    augment: Type.Optional(
      Type.Union([augmentation, Type.Null()], {
        default: defaults.augment,
        description:
          'Changes the training images at random, anew in every epoch, for train-network and fine-tune; images that are scored stay as they are. null for none.',
      }),
    ),
  },
  closed,
);

import { Type } from 'typebox';
import { cifarFormats } from '../../data/cifar.ts';
import { defaults } from './defaults.ts';

const file = Type.String({ minLength: 1, description: 'A path, or a pattern with `*` and `?`.' });

const part = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        files: Type.Union(
          [file, Type.Array(file, { minItems: 1, description: 'Paths or patterns, read in this order.' })],
          {
            description:
              'Binary files, gzipped or not: a path, a pattern such as `data_batch_*.bin`, or a list of them.',
          },
        ),
      },
      { additionalProperties: false, description },
    ),
  );

export const ingestCifarParams = Type.Object(
  {
    train: part('Images to learn from; by default none.'),
    validation: part('Images to measure on, where they are given apart; by default none.'),
    test: part('Images to predict; by default none.'),
    format: Type.Optional(
      Type.Enum([...cifarFormats], {
        default: defaults.format,
        description: 'cifar-10; cifar-100 with its 100 fine labels, or its 20 coarse ones.',
      }),
    ),
    labels: Type.Optional(
      Type.Union([Type.String({ minLength: 1 }), Type.Null()], {
        default: defaults.labels,
        description:
          'Text file with the name of label 0, 1, 2 … a line, such as batches.meta.txt; null to call them by their numbers.',
      }),
    ),
  },
  { additionalProperties: false, minProperties: 1, description: 'Name at least one of train, validation and test.' },
);

import { Type } from 'typebox';

const at = (description: string) =>
  Type.Object(
    {
      url: Type.String({ minLength: 1, pattern: '^https?://', description: 'Address, fetched once a user.' }),
      sha256: Type.String({
        pattern: '^[0-9a-fA-F]{64}$',
        description: 'SHA-256 that the file must have.',
      }),
    },
    { additionalProperties: false, description },
  );
const path = Type.String({ minLength: 1, description: 'Path of a file.' });

const part = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        images: Type.Union([path, at('A file at an address.')], {
          description: 'IDX file of images, gzipped or not: a path, or `{url, sha256}`.',
        }),
        labels: Type.Optional(
          Type.Union([path, at('A file at an address.'), Type.Null()], {
            default: null,
            description: 'IDX file of labels: a path, or `{url, sha256}`; null for none.',
          }),
        ),
      },
      { additionalProperties: false, description },
    ),
  );

export const ingestIdxParams = Type.Object(
  {
    train: part('Labelled images to learn from; by default none.'),
    validation: part('Labelled images to measure on, where they are given apart; by default none.'),
    test: part('Images to predict; labels are optional. By default none.'),
    classes: Type.Optional(
      Type.Union([Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }), Type.Null()], {
        default: null,
        description: 'Names of the labels 0, 1, 2 …; null to call them by their numbers.',
      }),
    ),
  },
  { additionalProperties: false, minProperties: 1, description: 'Name at least one of train, validation and test.' },
);

import { Type } from 'typebox';

const part = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        images: Type.String({ minLength: 1, description: 'IDX file of images, gzipped or not.' }),
        labels: Type.Optional(
          Type.Union([Type.String({ minLength: 1 }), Type.Null()], {
            default: null,
            description: 'IDX file of labels; null for none.',
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

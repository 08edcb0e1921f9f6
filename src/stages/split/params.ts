import { Type } from 'typebox';
import { defaults } from './defaults.ts';

const share = (description: string, fallback: number) =>
  Type.Optional(
    Type.Number({
      minimum: 0,
      default: fallback,
      description: `${description} Below 1 a share, from 1 on a number of rows.`,
    }),
  );
const count = (description: string) => Type.Optional(Type.Integer({ minimum: 1, description }));

export const splitParams = Type.Object(
  {
    validation: share('Labelled training rows to measure on.', defaults.validation),
    test: share('Labelled training rows to set aside as test.', defaults.test),
    stratify: Type.Optional(
      Type.Boolean({ default: defaults.stratify, description: 'Whether every class gives the same share.' }),
    ),
    seed: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
        default: defaults.seed,
        description: "Seed of the draw; null for the pipeline's.",
      }),
    ),
    groupBy: Type.Optional(
      Type.Union([Type.String({ minLength: 1 }), Type.Null()], {
        default: defaults.groupBy,
        description:
          'Regular expression over file names; rows with the same match (or first group) stay on one side. null groups copies of an image.',
      }),
    ),
    take: Type.Optional(
      Type.Union(
        [
          Type.Integer({ minimum: 1 }),
          Type.Object(
            { train: count('Labelled rows; by default all.'), test: count('Test rows; by default all.') },
            { additionalProperties: false },
          ),
          Type.Null(),
        ],
        {
          default: defaults.take,
          description: 'Use only this many rows, drawn by the seed: of the labelled ones, or by split.',
        },
      ),
    ),
    takePerClass: Type.Optional(
      Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], {
        default: defaults.takePerClass,
        description: 'Use only this many labelled rows of every class.',
      }),
    ),
    folds: Type.Optional(
      Type.Union([Type.Integer({ minimum: 2 }), Type.Null()], {
        default: defaults.folds,
        description: 'Parts of a cross-validation; the one called `fold` becomes the validation split.',
      }),
    ),
    fold: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaults.fold,
        description: 'Which part is set aside, from 1; for all of them `matrix: { fold: [1, 2, 3] }`.',
      }),
    ),
  },
  { additionalProperties: false },
);

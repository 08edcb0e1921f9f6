import { Type } from 'typebox';
import { defaults } from './defaults.ts';

const part = (what: string) =>
  Type.Optional(
    Type.Object(
      {
        csv: Type.String({ minLength: 1, description: 'CSV file with a header line.' }),
        images: Type.String({ minLength: 1, description: 'Folder that the file names are relative to.' }),
        filenameColumn: Type.Optional(
          Type.Union([Type.String({ minLength: 1 }), Type.Null()], {
            default: defaults.filenameColumn,
            description: 'Column of the file names; null for `filename`.',
          }),
        ),
        labelColumn: Type.Optional(
          Type.Union([Type.String({ minLength: 1 }), Type.Null()], {
            default: defaults.labelColumn,
            description: 'Column of the labels; null for `label`, if there is one.',
          }),
        ),
        delimiter: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 1,
            default: defaults.delimiter,
            description: 'What separates the cells.',
          }),
        ),
      },
      { additionalProperties: false, description: what },
    ),
  );

export const ingestCsvParams = Type.Object(
  {
    train: part('Labelled images to learn from; by default none.'),
    validation: part('Labelled images to measure on, where they are given apart; by default none.'),
    test: part('Images to predict; a label column is optional. By default none.'),
    labels: Type.Optional(
      Type.Enum(['string'], { default: 'string', description: 'Labels are text, also where they look like numbers.' }),
    ),
  },
  { additionalProperties: false, minProperties: 1, description: 'Name at least one of train, validation and test.' },
);

import { Type } from 'typebox';
import { defaults } from './defaults.ts';

const folder = (description: string) =>
  Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Null()], { default: null, description }));

export const ingestFolderParams = Type.Object(
  {
    train: folder('Folder with one folder a class, to learn from.'),
    validation: folder('Folder with one folder a class, to measure on, where it is given apart.'),
    test: folder('Folder of images to predict; with one folder a class, or flat and unlabelled.'),
    exclude: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        default: [...defaults.exclude],
        description: 'Patterns of files to leave out, such as `*.gif`: one without a slash counts in every folder.',
      }),
    ),
  },
  { additionalProperties: false, minProperties: 1, description: 'Name at least one of train, validation and test.' },
);

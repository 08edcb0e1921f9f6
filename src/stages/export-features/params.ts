import { Type } from 'typebox';
import { rowChoices } from '../inputs/chosen-rows.ts';
import { defaults, formats } from './defaults.ts';

export const exportFeaturesParams = Type.Object(
  {
    format: Type.Optional(
      Type.Enum([...formats], {
        default: defaults.format,
        description:
          'npy and safetensors hold the numbers as float32, with the rows in a CSV beside them; parquet holds both.',
      }),
    ),
    on: Type.Optional(
      Type.Enum([...rowChoices], { default: defaults.on, description: 'The split whose rows are written, or all.' }),
    ),
    file: Type.Optional(
      Type.String({
        minLength: 1,
        default: defaults.file,
        description: 'Path of the files without their extensions. A bare name lies in results/<pipeline>/.',
      }),
    ),
  },
  { additionalProperties: false },
);

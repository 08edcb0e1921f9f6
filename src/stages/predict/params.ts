import { Type } from 'typebox';
import { rowChoices } from '../inputs/chosen-rows.ts';
import { defaults } from './defaults.ts';

export const predictParams = Type.Object(
  {
    on: Type.Optional(
      Type.Enum([...rowChoices], {
        default: defaults.on,
        description: 'The split whose rows are asked about, or all.',
      }),
    ),
    file: Type.Optional(
      Type.String({
        minLength: 1,
        default: defaults.file,
        description:
          "The CSV: `filename,label` in the order of the rows' own file. A bare name lies in results/<pipeline>/.",
      }),
    ),
    probabilities: Type.Optional(
      Type.Boolean({
        default: defaults.probabilities,
        description: 'Whether the CSV has also a column `p:<class>` for each class.',
      }),
    ),
  },
  { additionalProperties: false },
);

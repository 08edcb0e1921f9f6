import { Type } from 'typebox';
import { defaults } from './defaults.ts';

const name = '^[A-Za-z0-9_-]+$';

export const execParams = Type.Object(
  {
    command: Type.Array(Type.String(), {
      minItems: 1,
      description:
        'The program and its arguments as a list, such as [python3, "{inputs.script}", --out, "{outputs.table}"]; never a shell string. {inputs.NAME}, {outputs.NAME} and {from.PORT} stand for paths, {seed} for the pipeline\'s seed.',
    }),
    inputs: Type.Optional(
      Type.Record(Type.String({ pattern: name }), Type.String({ minLength: 1 }), {
        default: defaults.inputs,
        additionalProperties: false,
        description:
          'Files that the command reads, by name: their content takes part in the fingerprint. A script belongs here too.',
      }),
    ),
    outputs: Type.Optional(
      Type.Record(
        Type.String({ pattern: name }),
        Type.String({ pattern: '^(?!/)(?!.*(^|/)\\.\\.?(/|$))[^\\\\\\u0000]+$' }),
        {
          default: defaults.outputs,
          additionalProperties: false,
          description:
            "Files that the command writes, by name: paths below the command's working folder, a fresh one each time.",
        },
      ),
    ),
    timeoutSeconds: Type.Optional(
      Type.Number({
        minimum: 0,
        default: defaults.timeoutSeconds,
        description: 'After this time the command is ended with all that it started; 0 for no limit.',
      }),
    ),
  },
  { additionalProperties: false },
);

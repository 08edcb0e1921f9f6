import { Type } from 'typebox';
import { BOUND_PATTERN } from './bounds.ts';
import { defaults, evaluateChoices, metricChoices } from './defaults.ts';

export const evaluateParams = Type.Object(
  {
    on: Type.Optional(
      Type.Enum([...evaluateChoices], {
        default: defaults.on,
        description: 'The split that is scored. auto: the validation split of data, every labelled row of predictions.',
      }),
    ),
    metrics: Type.Optional(
      Type.Array(Type.Enum([...metricChoices]), {
        uniqueItems: true,
        default: [...defaults.metrics],
        description: 'What is computed. Log-loss, accuracy and the baseline always are.',
      }),
    ),
    topK: Type.Optional(Type.Integer({ minimum: 1, default: defaults.topK, description: 'The k of top-k accuracy.' })),
    mistakes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1000,
        default: defaults.mistakes,
        description: 'How many of the worst mistakes are kept, by loss.',
      }),
    ),
    assert: Type.Optional(
      Type.Record(Type.String(), Type.String({ pattern: BOUND_PATTERN }), {
        default: defaults.assert,
        description:
          'Bounds by metric, such as log-loss: "< 0.35". The stage fails, with its metrics kept, when one does not hold.',
      }),
    ),
  },
  { additionalProperties: false },
);

import { Type } from 'typebox';
import { kernelDefaultsSchema, layersSchema } from '../training/layer-schema.ts';
import { trainingSchema } from '../training/training-schema.ts';
import { classifierSchema } from './classifier-schema.ts';
import { defaults } from './defaults.ts';

export const trainHeadParams = Type.Object(
  {
    layers: Type.Optional({
      ...layersSchema(
        'Layers between the features and the classes. A softmax over the classes is added; its width comes from the data.',
      ),
      default: defaults.layers,
    }),
    standardize: Type.Optional(
      Type.Boolean({
        default: defaults.standardize,
        description:
          'Whether a first layer brings every feature (every channel, where features are images) to mean 0 and variance 1 on the training rows. Helps heads without hidden layers to converge.',
      }),
    ),
    ...classifierSchema,
    ...kernelDefaultsSchema,
    ...trainingSchema,
  },
  { additionalProperties: false },
);

import { Type } from 'typebox';
import { kernelDefaultsSchema, layersSchema } from '../layer-schema.ts';
import { trainingSchema } from '../training-schema.ts';
import { defaults } from './defaults.ts';

export const trainHeadParams = Type.Object(
  {
    layers: Type.Optional({
      ...layersSchema(
        'Layers between the features and the classes. A softmax over the classes is added; its width comes from the data.',
      ),
      default: defaults.layers,
    }),
    ...kernelDefaultsSchema,
    ...trainingSchema,
  },
  { additionalProperties: false },
);

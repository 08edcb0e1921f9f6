import { Type } from 'typebox';
import { kernelDefaultsSchema, layersSchema } from '../training/layer-schema.ts';
import { trainingSchema } from '../training/training-schema.ts';
import { architectureNames, defaults } from './defaults.ts';

const closed = { additionalProperties: false };

export const trainNetworkParams = Type.Object(
  {
    architecture: Type.Optional(
      Type.Union(
        [
          Type.Enum([...architectureNames]),
          Type.Object(
            {
              'mobilenet-v1': Type.Object(
                {
                  alpha: Type.Optional(
                    Type.Number({
                      exclusiveMinimum: 0,
                      maximum: 4,
                      default: defaults.alpha,
                      description: 'Width of the network.',
                    }),
                  ),
                },
                closed,
              ),
            },
            { ...closed, description: 'MobileNet with its width.' },
          ),
        ],
        {
          description:
            'A built-in network with random weights; by default none, only `layers`. Alone it keeps its own top, for the classes of the data; with `layers` they take the place of its top.',
        },
      ),
    ),
    layers: Type.Optional({
      ...layersSchema(
        'Layers between the pixels and the classes. A softmax over the classes is added; its width comes from the data.',
      ),
      default: defaults.layers,
    }),
    ...kernelDefaultsSchema,
    ...trainingSchema,
  },
  closed,
);

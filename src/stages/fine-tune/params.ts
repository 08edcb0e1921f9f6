import { Type } from 'typebox';
import { backboneSchema } from '../backbone/backbone-schema.ts';
import { kernelDefaultsSchema, layersSchema } from '../training/layer-schema.ts';
import { trainingSchema } from '../training/training-schema.ts';
import { cacheFrozenChoices, defaults } from './defaults.ts';

const closed = { additionalProperties: false };

export const fineTuneParams = Type.Object(
  {
    ...backboneSchema,
    freeze: Type.Optional(
      Type.Union(
        [
          Type.Literal('none', { description: 'Every layer is trained.' }),
          Type.Object(
            {
              layers: Type.Integer({
                minimum: 1,
                description: 'Number of frozen layers as Keras counts them, the input being the first.',
              }),
            },
            { ...closed, description: 'The first layers.' },
          ),
          Type.Object(
            { until: Type.String({ minLength: 1, description: 'Name of the last frozen layer.' }) },
            { ...closed, description: 'All layers up to one.' },
          ),
          Type.Object(
            { blocks: Type.Integer({ minimum: 1, description: 'Number of the last frozen block.' }) },
            { ...closed, description: 'The first blocks of a built-in network.' },
          ),
        ],
        { default: defaults.freeze, description: 'Layers that keep their weights, from the input on.' },
      ),
    ),
    head: Type.Optional({
      ...layersSchema(
        'Layers between the network and the classes. A softmax over the classes is added; its width comes from the data.',
      ),
      default: defaults.head,
    }),
    rates: Type.Optional(
      Type.Record(Type.String(), Type.Number({ exclusiveMinimum: 0, maximum: 100 }), {
        default: defaults.rates,
        description:
          'Factors on the learning rate by layer (block5_conv1), block (block5), or backbone for all pretrained layers; the most specific one counts.',
      }),
    ),
    warmup: Type.Optional(
      Type.Integer({
        minimum: 0,
        default: defaults.warmup,
        description: 'Epochs, before the others, in which only the head is trained.',
      }),
    ),
    batchNorm: Type.Optional(
      Type.Enum(['frozen', 'trained'], {
        default: defaults.batchNorm,
        description: 'Whether the batch norms of trained pretrained layers keep their statistics and scales.',
      }),
    ),
    cacheFrozen: Type.Optional(
      Type.Enum([...cacheFrozenChoices], {
        default: defaults.cacheFrozen,
        description:
          'Whether what the frozen layers give is stored row by row: auto decides by cost. Augmentation switches it off.',
      }),
    ),
    ...kernelDefaultsSchema,
    ...trainingSchema,
    epochs: Type.Optional({ ...trainingSchema.epochs, default: defaults.epochs }),
    batch: Type.Optional({ ...trainingSchema.batch, default: defaults.batch }),
    optimizer: Type.Optional({ ...trainingSchema.optimizer, default: defaults.optimizer }),
  },
  closed,
);

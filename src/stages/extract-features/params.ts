import { Type } from 'typebox';
import { backboneSchema } from '../backbone/backbone-schema.ts';
import { defaults } from './defaults.ts';

export const extractFeaturesParams = Type.Object(
  {
    ...backboneSchema,
    store: Type.Optional(
      Type.Enum(['float32', 'float16'], {
        default: defaults.store,
        description: 'How the features are kept; float16 takes half the space.',
      }),
    ),
    precision: Type.Optional(
      Type.Enum(['float32', 'float16', 'int8'], {
        default: defaults.precision,
        description:
          'How the network computes. int8: integers of eight bits on the engine ort, on a CPU, calibrated on a sample of the training images; float16: on the engine ort on a GPU, CUDA or WebGPU.',
      }),
    ),
  },
  { additionalProperties: false },
);

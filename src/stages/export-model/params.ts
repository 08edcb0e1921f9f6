import { Type } from 'typebox';
import { formats } from '../../exports/exported-model.ts';
import { defaults } from './defaults.ts';

export const exportModelParams = Type.Object(
  {
    format: Type.Optional(
      Type.Enum([...formats], {
        default: defaults.format,
        description:
          'onnx for ONNX Runtime and most others, tfjs for browsers (layers format), keras-h5 for Keras 2 and 3, keras for Keras 3.',
      }),
    ),
    withBackbone: Type.Optional(
      Type.Boolean({
        default: defaults.withBackbone,
        description:
          'One network from pixels (0–255) to probabilities. Without it a head alone, which takes features; a model that was trained on images is always whole.',
      }),
    ),
    folder: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Folder of the files, by default model-<format>. A bare name lies in results/<pipeline>/.',
      }),
    ),
  },
  { additionalProperties: false },
);

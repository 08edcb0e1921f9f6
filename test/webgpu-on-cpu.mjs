/**
 * ONNX Runtime whose WebGPU is the CPU, so that what is for a GPU runs to its end where there is none. With `WITHOUT_FLOAT16` it says of
 * graphs that convert to float16 what it says of a GPU without it.
 */
import library from 'onnxruntime-node';

export const { Tensor, env } = library;

export const InferenceSession = {
  create(model, { executionProviders: _, ...options }) {
    if (process.env['WITHOUT_FLOAT16'] && Buffer.from(model).includes('Cast'))
      throw new Error(
        'shader_helper.cc:416 GenerateSourceCode Program Cast requires f16 but the device does not support it.',
      );
    return library.InferenceSession.create(model, { ...options, executionProviders: ['cpu'] });
  },
};

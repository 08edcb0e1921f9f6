/** Whether this processor multiplies signed weights exactly: found out by trying. */
import { GraphBuilder } from '../graph-builder.ts';
import { writeModel } from '../onnx-writer.ts';
import { createSession, tensor } from '../runtime.ts';
import { quantizeGraph, type WeightForm } from './quantize-graph.ts';

const CHANNELS = 64;
let form: Promise<WeightForm> | undefined;

/** A convolution of the largest numbers: 64 · 255 · 127 needs more than the 16 bits in which some processors add in pairs. */
export function weightForm(): Promise<WeightForm> {
  form ??= (async () => {
    const builder = new GraphBuilder();
    builder.input('x', [-1, CHANNELS, 1, 1], 'float32');
    const weights = builder.constant(
      new Float32Array(CHANNELS * CHANNELS).fill(1),
      [CHANNELS, CHANNELS, 1, 1],
      'float32',
    );
    const y = builder.node('Conv', ['x', weights], { kernel_shape: [1, 1] });
    const graph = builder.finish([{ name: y, shape: [-1, CHANNELS, 1, 1], type: 'float32' }], false);
    const ranges = new Map([
      ['x', { min: 0, max: 1 }],
      [y, { min: 0, max: CHANNELS }],
    ]);
    const model = writeModel(quantizeGraph(graph, ranges, 'signed').graph);
    const session = await createSession(model, { threads: 1, device: 'cpu' }, true);
    const result = (await session.run({ x: tensor(new Float32Array(CHANNELS).fill(1), [1, CHANNELS, 1, 1]) }))[y];
    await session.release();
    const exact = result?.data instanceof Float32Array && result.data.every((value) => Math.abs(value - CHANNELS) < 1);
    return exact ? 'signed' : 'unsigned';
  })();
  return form;
}

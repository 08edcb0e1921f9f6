/** Whether a device computes in float16: found out by trying. */
import type { SessionOptions } from '../../remote/protocol.ts';
import { GraphBuilder } from '../graph-builder.ts';
import { ONNX_TYPES, writeModel } from '../onnx-writer.ts';
import { createSession, tensor } from '../runtime.ts';

/** @returns undefined where it does, else the first line of what the library says */
export async function tryFloat16(device: SessionOptions['device']): Promise<string | undefined> {
  const graph = new GraphBuilder();
  graph.input('x', [1, 2, 2, 2], 'float32');
  const cast = (value: string, type: 'float16' | 'float32') => graph.node('Cast', [value], { to: ONNX_TYPES[type] });
  const ones = graph.constant(new Uint16Array(4).fill(0x3c00), [2, 2, 1, 1], 'float16');
  const convolved = graph.node('Conv', [cast('x', 'float16'), ones], { kernel_shape: [1, 1] });
  const y = cast(convolved, 'float32');
  const model = writeModel(graph.finish([{ name: y, shape: [1, 2, 2, 2], type: 'float32' }], false));
  try {
    const session = await createSession(model, { threads: 1, device });
    try {
      const result = (await session.run({ x: tensor(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [1, 2, 2, 2]) }))[y];
      const sums = [6, 8, 10, 12, 6, 8, 10, 12];
      const right = sums.every((sum, at) => result?.data[at] === sum);
      return right ? undefined : `its convolution gives ${result?.data.join(', ')} for ${sums.join(', ')}`;
    } finally {
      await session.release();
    }
  } catch (error) {
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    // Without the place in its source that the library puts first.
    return first.replace(/^\S+\.cc:\d+ \S+ /, '').slice(0, 300);
  }
}

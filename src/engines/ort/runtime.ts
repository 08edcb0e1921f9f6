/** ONNX Runtime with the settings that keep results the same and memory flat. */
import type * as ort from 'onnxruntime-node';
import type { SessionOptions } from '../remote/protocol.ts';
import { EMPTY_SEQUENCE, GraphBuilder } from './graph-builder.ts';
import { maxPlacesName, writeModel } from './onnx-writer.ts';

export type Session = ort.InferenceSession;

/** The package's own, or a copy of it that has further providers beside it. */
const library: typeof ort = await import(process.env['PIPE_ONNXRUNTIME'] ?? 'onnxruntime-node');

/**
 * @param quantized whether the model is in eight bits: the library would otherwise quantise further operators by itself, with one scale for
 * all channels and no calibration, wherever one stands between eight-bit ones
 */
export function createSession(
  model: Uint8Array,
  { threads, device }: SessionOptions,
  quantized = false,
): Promise<Session> {
  return library.InferenceSession.create(model, {
    executionProviders: providersOf(device),
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    enableCpuMemArena: true,
    logSeverityLevel: 3,
    ...(quantized && { extra: { session: { disable_quant_qdq: '1' } } }),
  });
}

/** More pools than any network that is trained here has. */
const MAX_PLACES = Array.from({ length: 64 }, (_, i) => maxPlacesName(i));

/** What the device lacks runs on the CPU. WebGPU's MaxPool takes nodes on that it then cannot compute: they are named to it. */
function providersOf(device: SessionOptions['device']): ort.InferenceSession.ExecutionProviderConfig[] {
  if (device === 'cpu') return ['cpu'];
  return [device === 'webgpu' ? { name: device, forceCpuNodeNames: MAX_PLACES } : device, 'cpu'];
}

export function tensor(data: Float32Array, shape: readonly number[]): ort.Tensor {
  return new library.Tensor('float32', data, [...shape]);
}

export function runtimeVersion(): string {
  return library.env.versions.node ?? library.env.versions.common;
}

/** @throws what the library says of a device that it cannot use */
export async function tryDevice(device: SessionOptions['device']): Promise<void> {
  const graph = new GraphBuilder();
  graph.input('x', [3], 'float32');
  const y = graph.node('Add', ['x', graph.scalar(1)]);
  const model = writeModel(graph.finish([{ name: y, shape: [3], type: 'float32' }], false));
  const session = await createSession(model, { threads: 1, device });
  await session.run({ x: tensor(Float32Array.of(1, 2, 3), [3]) });
  await session.release();
}

let noCopy: Promise<boolean> | undefined;

/**
 * Whether results can be had without a copy. onnxruntime-node writes results into arrays that the caller gives, and then copies every one
 * of them again, which for 100 MB of gradients takes as long as computing them. When the first output is a sequence, which the binding
 * refuses to convert, it stops after the arrays are filled and before it copies. That is nobody's promise, so it is tried once, and
 * where it does not hold the copy is paid.
 */
export function resultsWithoutCopy(): Promise<boolean> {
  noCopy ??= (async () => {
    const graph = new GraphBuilder();
    graph.input('x', [3], 'float32');
    const y = graph.node('Add', ['x', graph.scalar(1)]);
    const session = await createSession(writeModel(graph.finish([{ name: y, shape: [3], type: 'float32' }], true)), {
      threads: 1,
      device: 'cpu',
    });
    const into = new Float32Array(3);
    const refused = await runInto(
      session,
      { x: tensor(Float32Array.of(1, 2, 3), [3]) },
      { [y]: tensor(into, [3]) },
      true,
    );
    await session.release();
    return refused && into.join() === '2,3,4';
  })();
  return noCopy;
}

/** Runs a session into arrays of the caller's. @returns whether the binding stopped before copying. */
export async function runInto(
  session: Session,
  feeds: Record<string, ort.Tensor>,
  into: Record<string, ort.Tensor>,
  emptySequence: boolean,
): Promise<boolean> {
  if (!emptySequence) {
    await session.run(feeds, into);
    return false;
  }
  try {
    await session.run(feeds, { [EMPTY_SEQUENCE]: null, ...into });
    return false;
  } catch (error) {
    if (error instanceof Error && error.message.includes('Non tensor type')) return true;
    throw error;
  }
}

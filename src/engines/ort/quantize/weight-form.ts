/** Which form of weights this processor multiplies exactly, and fastest: found out by trying. */
import { GraphBuilder } from '../graph-builder.ts';
import { type OnnxGraph, writeModel } from '../onnx-writer.ts';
import { createSession, type Session, tensor } from '../runtime.ts';
import type { Ranges } from './calibration-graph.ts';
import { quantizeGraph, type WeightForm } from './quantize-graph.ts';

let form: Promise<WeightForm> | undefined;

export function weightForm(): Promise<WeightForm> {
  form ??= (async () => ((await isExact()) ? ((await lowersFaster()) ? 'lowered' : 'signed') : 'unsigned'))();
  return form;
}

/** A convolution of the largest numbers: 64 · 255 · 127 needs more than the 16 bits in which some processors add in pairs. */
async function isExact(): Promise<boolean> {
  const channels = 64;
  const { graph, ranges } = convolution(channels, 1, 1);
  const session = await open(graph, ranges, 'signed');
  const [y] = session.outputNames;
  const result = (await session.run({ x: tensor(new Float32Array(channels).fill(1), [1, channels, 1, 1]) }))[y ?? ''];
  await session.release();
  return result?.data instanceof Float32Array && result.data.every((value) => Math.abs(value - channels) < 1);
}

/** By so much the lowered form must be faster: without AMX it is the slower one. */
const FASTER = 1.2;

/** A convolution of 256 channels on 16×16, some milliseconds, in both forms in turn. Only speed hangs on it. */
async function lowersFaster(): Promise<boolean> {
  const [channels, side] = [256, 16];
  const { graph, ranges } = convolution(channels, 3, side);
  const forms = [await open(graph, ranges, 'signed'), await open(graph, ranges, 'lowered')];
  const fastest = forms.map(() => Number.POSITIVE_INFINITY);
  const x = tensor(new Float32Array(channels * side * side).fill(0.5), [1, channels, side, side]);
  // The first round is for the library to settle.
  for (let round = 0; round < 5; round++) {
    for (const [at, session] of forms.entries()) {
      const from = performance.now();
      await session.run({ x });
      if (round > 0) fastest[at] = Math.min(fastest[at] ?? 0, performance.now() - from);
    }
  }
  for (const session of forms) await session.release();
  const [signed = 0, lowered = 0] = fastest;
  return lowered * FASTER < signed;
}

/** All weights are 1; inputs are at most 1. */
function convolution(channels: number, size: number, side: number) {
  const builder = new GraphBuilder();
  const shape = [-1, channels, side, side];
  builder.input('x', shape, 'float32');
  const filters = new Float32Array(channels * channels * size * size).fill(1);
  const weights = builder.constant(filters, [channels, channels, size, size], 'float32');
  const pads = new Array(4).fill(size >> 1);
  const y = builder.node('Conv', ['x', weights], { kernel_shape: [size, size], pads });
  const graph = builder.finish([{ name: y, shape, type: 'float32' }], false);
  const values = new Map([
    ['x', { min: 0, max: 1 }],
    [y, { min: 0, max: channels * size * size }],
  ]);
  const ranges: Ranges = { values, means: new Map() };
  return { graph, ranges };
}

function open(graph: OnnxGraph, ranges: Ranges, wanted: WeightForm): Promise<Session> {
  const model = writeModel(quantizeGraph(graph, ranges, wanted).graph);
  return createSession(model, { threads: 1, device: 'cpu' }, true);
}

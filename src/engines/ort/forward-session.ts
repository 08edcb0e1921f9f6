/** Frozen networks on ONNX Runtime: ours, recorded, or somebody's model file. */

import { sizeOf } from '../../networks/network.ts';
import type { ForwardProgram } from '../engine.ts';
import type { SessionOptions } from '../remote/protocol.ts';
import { threadsOfForward } from '../session-threads.ts';
import { writeModel } from './onnx-writer.ts';
import { prepareArithmetic } from './quantize/arithmetic.ts';
import { readGraph } from './quantize/read-graph.ts';
import { weightForm } from './quantize/weight-form.ts';
import { createSession, type Session, tensor } from './runtime.ts';
import { traceForward, traceGraph } from './trace.ts';

export class Forward {
  readonly outputShape: readonly number[];
  readonly #program: ForwardProgram;
  readonly #session: Session;
  readonly #output: string;

  /** Operators that compute in float32 though the network was to compute otherwise. */
  readonly kept: readonly string[];
  /** How many of the last numbers of a row are means: of a calibration. */
  readonly means: number | undefined;

  private constructor(program: ForwardProgram, session: Session, model: Omit<Model, 'bytes'>) {
    this.#program = program;
    this.#session = session;
    this.#output = model.output;
    this.outputShape = model.outputShape ?? [];
    this.kept = model.kept;
    this.means = model.means;
  }

  static async open(program: ForwardProgram, options: SessionOptions): Promise<Forward> {
    const { bytes, ...model } = await modelOf(program);
    const quantized = program.arithmetic?.kind === 'int8';
    if (program.kind === 'network') {
      const light: ForwardProgram = { ...program, weights: new Map() };
      const threads = threadsOfForward(program.network, options.threads);
      return new Forward(light, await createSession(bytes, { ...options, threads }, quantized), model);
    }
    const light = { ...program, bytes: new Uint8Array(0) };
    const session = await createSession(bytes, options, quantized);
    if (model.outputShape) return new Forward(light, session, model);
    const probe = new Forward(light, session, model);
    // The output's shape is whatever one black image gives: a model need not state it.
    const { dims } = await probe.#runModel(new Float32Array(sizeOf(program.input.shape)), 1);
    return new Forward(light, session, { ...model, outputShape: pooledShape(dims.slice(1), program) });
  }

  async run(input: Float32Array<ArrayBuffer>, rows: number): Promise<Float32Array<ArrayBuffer>> {
    if (this.#program.kind === 'network') {
      const out = new Float32Array(rows * sizeOf(this.outputShape));
      const feeds = {
        x: tensor(input.subarray(0, rows * sizeOf(this.#program.network.input)), [
          rows,
          ...this.#program.network.input,
        ]),
      };
      await this.#session.run(feeds, { [this.#output]: tensor(out, [rows, ...this.outputShape]) });
      return out;
    }
    const { input: wanted } = this.#program;
    if (wanted.single && rows > 1) {
      const out = new Float32Array(rows * sizeOf(this.outputShape));
      const width = sizeOf(wanted.shape);
      for (let row = 0; row < rows; row++) {
        const one = await this.run(input.slice(row * width, (row + 1) * width), 1);
        out.set(one, row * one.length);
      }
      return out;
    }
    const { data, dims } = await this.#runModel(input, rows);
    return pooled(data, dims, this.#program);
  }

  close(): Promise<void> {
    return this.#session.release();
  }

  async #runModel(
    input: Float32Array,
    rows: number,
  ): Promise<{ readonly data: Float32Array<ArrayBuffer>; readonly dims: readonly number[] }> {
    if (this.#program.kind !== 'onnx') throw new Error('not a model file');
    const { name, layout, shape } = this.#program.input;
    const [height = 1, width = 1, channels = 1] = shape;
    const values = input.subarray(0, rows * sizeOf(shape));
    const fed =
      layout === 'nhwc'
        ? tensor(values, [rows, height, width, channels])
        : tensor(channelsFirst(values, rows, height * width, channels), [rows, channels, height, width]);
    const result = (await this.#session.run({ [name]: fed }, [this.#output]))[this.#output];
    if (!(result?.data instanceof Float32Array)) throw new Error(`output ${this.#output} is no float32 tensor`);
    return { data: Float32Array.from(result.data), dims: result.dims };
  }
}

interface Model {
  readonly bytes: Uint8Array;
  readonly output: string;
  /** Of a row; undefined where only running tells. */
  readonly outputShape: readonly number[] | undefined;
  readonly kept: readonly string[];
  readonly means?: number | undefined;
}

async function modelOf(program: ForwardProgram): Promise<Model> {
  const { arithmetic } = program;
  if (program.kind === 'network') {
    const { network, weights, layer, pooling } = program;
    if (!arithmetic) return { ...traceForward(network, { constants: weights }, layer, pooling), kept: [] };
    const traced = traceGraph(network, { constants: weights }, layer, pooling, { input: 'x' });
    const { graph, output, width, ...more } = prepareArithmetic(traced.graph, arithmetic, await weightForm());
    const outputShape = width === undefined ? traced.outputShape : [width];
    return { bytes: writeModel(graph), output: output ?? traced.output, outputShape, ...more };
  }
  if (!arithmetic) return { bytes: program.bytes, output: program.output, outputShape: undefined, kept: [] };
  const { graph, output, width, ...more } = prepareArithmetic(readGraph(program.bytes), arithmetic, await weightForm());
  const outputShape = width === undefined ? undefined : [width];
  return { bytes: writeModel(graph), output: output ?? program.output, outputShape, ...more };
}

function channelsFirst(input: Float32Array, rows: number, places: number, channels: number): Float32Array {
  const out = new Float32Array(input.length);
  for (let row = 0; row < rows; row++) {
    const base = row * places * channels;
    for (let place = 0; place < places; place++) {
      for (let channel = 0; channel < channels; channel++)
        out[base + channel * places + place] = input[base + place * channels + channel] ?? 0;
    }
  }
  return out;
}

type OnnxProgram = Extract<ForwardProgram, { kind: 'onnx' }>;

/** Extents of one only, as after a global pool, are left out. */
function pooledShape(dims: readonly number[], { pooling, input }: OnnxProgram): readonly number[] {
  if (dims.length !== 3) return dims;
  const [a = 1, b = 1, c = 1] = dims;
  const channels = input.layout === 'nchw' ? a : c;
  const places = (a * b * c) / channels;
  return pooling !== 'none' || places === 1 ? [channels] : input.layout === 'nchw' ? [b, c, a] : [a, b, c];
}

/** Output rows channels-last, pooled over height and width where that is asked. */
function pooled(
  data: Float32Array<ArrayBuffer>,
  dims: readonly number[],
  { pooling, input }: OnnxProgram,
): Float32Array<ArrayBuffer> {
  const [rows = 1, a = 1, b = 1, c = 1] = dims;
  if (dims.length !== 4) return data;
  const channels = input.layout === 'nchw' ? a : c;
  const places = (a * b * c) / channels;
  const at = (row: number, place: number, channel: number) =>
    data[row * places * channels + (input.layout === 'nchw' ? channel * places + place : place * channels + channel)] ??
    0;
  const out = new Float32Array(rows * channels * (pooling === 'none' ? places : 1));
  for (let row = 0; row < rows; row++) {
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0;
      let most = Number.NEGATIVE_INFINITY;
      for (let place = 0; place < places; place++) {
        const value = at(row, place, channel);
        if (pooling === 'none') out[(row * places + place) * channels + channel] = value;
        sum += value;
        most = Math.max(most, value);
      }
      if (pooling !== 'none') out[row * channels + channel] = pooling === 'average' ? sum / places : most;
    }
  }
  return out;
}

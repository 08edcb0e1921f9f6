/**
 * A TensorFlow.js backend that computes nothing: its tensors are names in an ONNX graph, and each kernel records nodes. Running
 * a TensorFlow.js program on it, its gradients included, yields the graph of that program.
 *
 * TensorFlow.js is channels-last, ONNX convolutions are channels-first. A tensor made by a convolution or a pool exists
 * channels-first (`nchw`) and is transposed only when a kernel needs it channels-last.
 */
import * as tf from '@tensorflow/tfjs-core';
import { GraphBuilder, sameShape } from './graph-builder.ts';
import type { OnnxType } from './onnx-writer.ts';

export const TRACE = 'pipe-trace';

export type TracedNumbers = Float32Array | Int32Array | BigInt64Array | Uint8Array;

/** What stands behind a tensor of the trace. */
export interface Traced {
  readonly shape: readonly number[];
  readonly type: OnnxType;
  /** Name of the value in its logical layout. */
  name: string | undefined;
  /** Name of its channels-first twin, for rank 4. */
  nchw: string | undefined;
  /** Numbers known while tracing. */
  values: TracedNumbers | undefined;
  /** All numbers are this one. */
  fill: number | undefined;
  /** It is `step(x)`, 1 where the traced tensor is positive: a relu's gradient, recorded only where it is used. */
  positive: Traced | undefined;
  references: number;
}

export class TraceBackend extends tf.KernelBackend {
  readonly data: tf.DataStorage<Traced> = new tf.DataStorage(this, tf.engine());
  graph = new GraphBuilder();
  /** The batch extent that stands for a symbolic batch, or 0. */
  symbolicBatch = 0;

  /** Starts a new graph. */
  begin(symbolicBatch: number): void {
    this.graph = new GraphBuilder();
    this.symbolicBatch = symbolicBatch;
  }

  // ---- what TensorFlow.js asks of a backend
  override floatPrecision(): 16 | 32 {
    return 32;
  }
  override numDataIds(): number {
    return this.data.numDataIds();
  }
  override refCount(id: tf.DataId): number {
    return this.data.has(id) ? this.data.get(id).references : 0;
  }
  override incRef(id: tf.DataId): void {
    if (this.data.has(id)) this.data.get(id).references++;
  }
  override disposeData(id: tf.DataId, force = false): boolean {
    if (!this.data.has(id)) return true;
    const traced = this.data.get(id);
    traced.references--;
    if (!force && traced.references > 0) return false;
    this.data.delete(id);
    return true;
  }
  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    const id = {};
    this.move(id, values, shape, dtype, 1);
    return id;
  }
  override move(
    id: tf.DataId,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    references: number,
  ): void {
    this.data.set(id, { ...blank(shape, typeOf(dtype)), values: numbersOf(values), references });
  }
  override readSync(id: tf.DataId): tf.BackendValues {
    const traced = this.data.get(id);
    const values = this.valuesOf(traced);
    if (!values || values instanceof BigInt64Array) throw new Error('a traced tensor has no numbers to read');
    return values;
  }
  override read(id: tf.DataId): Promise<tf.BackendValues> {
    return Promise.resolve(this.readSync(id));
  }
  override dispose(): void {}

  // ---- what kernels use
  traced(tensor: tf.TensorInfo): Traced {
    return this.data.get(tensor.dataId);
  }

  /** A new tensor; `more` says what stands behind it. */
  make(shape: readonly number[], more: Partial<Traced>, dtype: tf.DataType = 'float32'): tf.TensorInfo {
    const dataId = {};
    this.data.set(dataId, { ...blank(shape, typeOf(dtype)), ...more });
    return { dataId, shape: [...shape], dtype };
  }

  /** The same data under another shape or none: a view costs nothing. */
  share(tensor: tf.TensorInfo): tf.TensorInfo {
    this.incRef(tensor.dataId);
    return { dataId: tensor.dataId, shape: tensor.shape, dtype: tensor.dtype };
  }

  /** Name of a tensor in its logical layout. */
  name(tensor: tf.TensorInfo): string {
    return this.nameOf(this.traced(tensor));
  }

  nameOf(traced: Traced): string {
    if (traced.name !== undefined) return traced.name;
    if (traced.nchw !== undefined) traced.name = this.graph.node('Transpose', [traced.nchw], { perm: [0, 2, 3, 1] });
    else if (traced.positive) traced.name = this.graph.node('Cast', [this.positiveMask(traced.positive)], { to: 1 });
    else traced.name = this.graph.constant(this.valuesOf(traced) ?? fail(), traced.shape, traced.type);
    return traced.name;
  }

  /** Name of the channels-first twin of a rank-4 tensor. */
  nchw(tensor: tf.TensorInfo): string {
    const traced = this.traced(tensor);
    traced.nchw ??= this.graph.node('Transpose', [this.nameOf(traced)], { perm: [0, 3, 1, 2] });
    return traced.nchw;
  }

  /** Whether it exists channels-first alone, so that an elementwise kernel had better stay there. */
  isChannelsFirst(tensor: tf.TensorInfo): boolean {
    const traced = this.traced(tensor);
    return tensor.shape.length === 4 && traced.name === undefined && traced.nchw !== undefined;
  }

  /** `x > 0`, in the logical layout. */
  positiveMask(traced: Traced): string {
    return this.graph.node('Greater', [this.nameOf(traced), this.graph.scalar(0)]);
  }

  /** The one number that fills a tensor known while tracing, if there is one. */
  fillOf(tensor: tf.TensorInfo): number | undefined {
    const traced = this.traced(tensor);
    if (traced.fill !== undefined || !traced.values || traced.values.length === 0) return traced.fill;
    const [first] = traced.values;
    if (typeof first !== 'number' || traced.values.some((value) => value !== first)) return undefined;
    traced.fill = first;
    return first;
  }

  valuesOf(traced: Traced): TracedNumbers | undefined {
    if (!traced.values && traced.fill !== undefined) {
      const size = traced.shape.reduce((product, extent) => product * extent, 1);
      traced.values =
        traced.type === 'float32'
          ? new Float32Array(size).fill(traced.fill)
          : traced.type === 'int32'
            ? new Int32Array(size).fill(traced.fill)
            : new Uint8Array(size).fill(traced.fill);
    }
    return traced.values;
  }

  /** A target shape for Reshape: 0 keeps the input's symbolic batch. */
  reshapeTo(from: readonly number[], to: readonly number[]): string {
    const symbolic = this.symbolicBatch > 0 && from[0] === this.symbolicBatch && to[0] === this.symbolicBatch;
    return this.graph.integers(symbolic ? [0, ...to.slice(1)] : to);
  }

  reshaped(tensor: tf.TensorInfo, shape: readonly number[]): string {
    const name = this.name(tensor);
    return sameShape(tensor.shape, shape)
      ? name
      : this.graph.node('Reshape', [name, this.reshapeTo(tensor.shape, shape)]);
  }
}

function blank(shape: readonly number[], type: OnnxType): Traced {
  return {
    shape,
    type,
    name: undefined,
    nchw: undefined,
    values: undefined,
    fill: undefined,
    positive: undefined,
    references: 1,
  };
}

function typeOf(dtype: tf.DataType): OnnxType {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new Error(`tensors of type ${dtype} cannot be traced`);
}

function numbersOf(values: tf.BackendValues): Float32Array | Int32Array | Uint8Array {
  if (values instanceof Float32Array || values instanceof Int32Array || values instanceof Uint8Array) return values;
  throw new Error('only numbers can be traced');
}

function fail(): never {
  throw new Error('a traced tensor has neither a name nor numbers');
}

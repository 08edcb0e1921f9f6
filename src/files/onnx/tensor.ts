/** Tensors of an ONNX file: what they declare against what they store. */
import { countIntegers, fieldsOf, integersOf, Malformed, textOf } from './protobuf.ts';

export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** onnx.proto's TensorProto.DataType: 1 float32, 7 int64, 10 float16, 11 float64. */
  readonly type: number;
  /** Numbers declared by the shape. */
  readonly length: number;
  /** Where the numbers lie outside of the file. */
  readonly external: string | undefined;
  /** Little-endian numbers, undefined where they are stored as typed lists. */
  readonly data: Uint8Array | undefined;
  /** Numbers stored in typed lists. */
  readonly listed: number;
  /** Values of a short list of integers: shapes and axes. */
  readonly integers: readonly number[];
  readonly raw: Uint8Array;
}

const BYTES: Readonly<Record<number, number>> = {
  1: 4,
  2: 1,
  3: 1,
  4: 2,
  5: 2,
  6: 4,
  7: 8,
  9: 1,
  10: 2,
  11: 8,
  12: 4,
  13: 8,
  14: 8,
  15: 16,
  16: 2,
  17: 1,
  18: 1,
  19: 1,
  20: 1,
  21: 0.5,
  22: 0.5,
  23: 0.5,
};
/** Longest list of integers that is decoded. */
const SHORT = 64;

/** @throws Malformed */
export function parseTensor(bytes: Uint8Array, raw: Uint8Array): Tensor {
  const shape: number[] = [];
  let [name, type, listed] = ['', 0, 0];
  let external: string | undefined;
  let data: Uint8Array | undefined;
  const integers: number[] = [];
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) {
      for (const extent of integersOf(field)) shape.push(extent);
      if (shape.length > SHORT) throw new Malformed('a tensor of more than 64 axes');
    } else if (field.number === 2) type = field.value;
    else if (field.number === 8) name = textOf(field);
    else if (field.number === 9) data = field.bytes;
    else if (field.number === 13) external = locationOf(field.bytes) ?? external ?? '';
    else if (field.number === 14 && field.value === 1) external ??= '';
    else if (field.number === 4) listed += field.bytes.length / 4;
    else if (field.number === 10) listed += field.bytes.length / 8;
    else if (field.number === 6) listed += 1;
    else if (field.number === 5 || field.number === 7 || field.number === 11) {
      const count = countIntegers(field);
      listed += count;
      if (integers.length + count <= SHORT) integers.push(...integersOf(field));
    }
  }
  const length = shape.reduce((product, extent) => product * extent, 1);
  if (type === 7 && data && data.length <= 8 * SHORT && data.length % 8 === 0) {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    for (let at = 0; at < data.length; at += 8) integers.push(Number(view.getBigInt64(at, true)));
  }
  return { name, shape, type, length, external, data, listed, integers, raw };
}

/** The entry `location` of an external tensor. */
function locationOf(entry: Uint8Array): string | undefined {
  let [key, value] = ['', ''];
  for (const field of fieldsOf(entry)) {
    if (field.number === 1) key = textOf(field);
    else if (field.number === 2) value = textOf(field);
  }
  return key === 'location' ? value : undefined;
}

/** Why a tensor cannot be trusted: it declares other numbers than it stores. Nothing is allocated for what it declares. */
export function misdeclared(tensor: Tensor): string | undefined {
  const { shape, length, type, data, listed } = tensor;
  if (shape.some((extent) => extent < 0)) return 'has a negative extent';
  if (data) {
    const width = BYTES[type];
    if (width === undefined) return `has the unknown type ${type}`;
    const declared = Math.ceil(length * width);
    return declared === data.length ? undefined : `declares ${declared} bytes and stores ${data.length}`;
  }
  // 4-bit numbers are listed two by two, complex ones in two parts.
  const least = type >= 21 ? Math.ceil(length / 2) : type === 14 || type === 15 ? 2 * length : length;
  return listed >= least && listed <= Math.max(least, length)
    ? undefined
    : `declares ${length} numbers and stores ${listed}`;
}

/** NaN, or infinite where `finite` is asked for, among the floating-point numbers. */
export function spoiled(tensor: Tensor, finite: boolean): boolean {
  const { type, data } = tensor;
  if (!data || (type !== 1 && type !== 10 && type !== 11)) return false;
  const copy = new Uint8Array(data).buffer;
  if (type === 10)
    return new Uint16Array(copy).some((half) => (half & 0x7c00) === 0x7c00 && (finite || (half & 0x3ff) !== 0));
  const numbers = type === 1 ? new Float32Array(copy) : new Float64Array(copy);
  return finite ? numbers.some((value) => !Number.isFinite(value)) : numbers.some((value) => Number.isNaN(value));
}

/** The safetensors format: a little-endian 64-bit header length, a JSON header, then the tensors without gaps. */
import type { Hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isJsonObject, type Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { AtomicFile } from './atomic-file.ts';

export type SafetensorsDtype = 'F32' | 'F16';

/** A tensor to be written: its numbers follow in pieces, in the order of the list. */
export interface TensorPlan {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
}

/** A tensor as read; `bytes` is a view into the file's bytes. */
export interface StoredTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Beyond this a header is not one of a real model. */
const HEADER_LIMIT = 100_000_000;
const DTYPE_BYTES: Readonly<Record<SafetensorsDtype, number>> = { F32: 4, F16: 2 };

/** Length, JSON header padded with spaces to a multiple of 8 bytes. Equal plans give equal bytes. */
export function safetensorsHeader(
  tensors: readonly TensorPlan[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  let end = 0;
  const entries: [string, Json][] = tensors.map(({ name, dtype, shape }) => {
    const start = end;
    end += byteLength(dtype, shape);
    return [name, { dtype, shape, data_offsets: [start, end] }];
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries([['__metadata__', metadata], ...entries])));
  const padded = Math.ceil(json.length / 8) * 8;
  const header = Buffer.alloc(8 + padded, ' ');
  header.writeBigUInt64LE(BigInt(padded));
  json.copy(header, 8);
  return header;
}

/** A safetensors file written piece by piece. */
export class SafetensorsWriter {
  readonly #file: AtomicFile;
  readonly #hash: Hash | undefined;
  #left: number;

  constructor(
    path: string,
    tensors: readonly TensorPlan[],
    options: {
      readonly flush: boolean;
      readonly metadata?: Readonly<Record<string, string>>;
      /** Fed all bytes of the file on their way. */
      readonly hash?: Hash;
    },
  ) {
    this.#hash = options.hash;
    this.#file = new AtomicFile(path, { flush: options.flush });
    this.#write(safetensorsHeader(tensors, options.metadata));
    this.#left = tensors.reduce((sum, { dtype, shape }) => sum + byteLength(dtype, shape), 0);
  }

  write(numbers: Float32Array | Uint16Array): void {
    this.#write(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
    this.#left -= numbers.byteLength;
  }

  /** @throws Error when not exactly the planned numbers were written. */
  commit(): void {
    if (this.#left !== 0) throw new Error(`a safetensors file lacks ${this.#left} bytes of its plan`);
    this.#file.commit();
  }

  #write(bytes: Uint8Array): void {
    this.#file.write(bytes);
    this.#hash?.update(bytes);
  }

  discard(): void {
    this.#file.discard();
  }
}

/** Writes float32 tensors by name, in the map's order, one after another. */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
  options: { readonly flush: boolean; readonly metadata?: Readonly<Record<string, string>> },
): void {
  const plans = [...tensors].map(([name, { shape }]): TensorPlan => ({ name, dtype: 'F32', shape }));
  const writer = new SafetensorsWriter(path, plans, options);
  try {
    for (const { data } of tensors.values()) writer.write(data);
    writer.commit();
  } catch (error) {
    writer.discard();
    throw error;
  }
}

/** Reads a file of anybody's: every offset is checked before it is followed. The error is a sentence without a subject. */
export function readSafetensors(bytes: Uint8Array): Result<ReadonlyMap<string, StoredTensor>, string> {
  if (bytes.length < 8) return err('is too short for a safetensors file');
  const length = headerLength(bytes);
  if (length > HEADER_LIMIT || 8 + length > bytes.length) return err('has a header length beyond its end');
  const data = bytes.subarray(8 + length);
  const layout = readLayout(bytes.subarray(8, 8 + length), data.length);
  if (!layout.ok) return layout;
  const tensors = [...layout.value].map(
    ([name, { dtype, shape, from, to }]) => [name, { dtype, shape, bytes: data.subarray(from, to) }] as const,
  );
  return ok(new Map(tensors));
}

/** A safetensors file whose tensors are read one at a time. */
export class SafetensorsReader {
  readonly #descriptor: number;
  readonly #start: number;
  readonly #layout: ReadonlyMap<string, PlacedTensor>;

  private constructor(descriptor: number, start: number, layout: ReadonlyMap<string, PlacedTensor>) {
    this.#descriptor = descriptor;
    this.#start = start;
    this.#layout = layout;
  }

  /** Opens a file, or says what is wrong with it. */
  static open(path: string): Result<SafetensorsReader, string> {
    const descriptor = openSync(path, 'r');
    const opened = SafetensorsReader.#read(descriptor);
    if (!opened.ok) closeSync(descriptor);
    return opened;
  }

  static #read(descriptor: number): Result<SafetensorsReader, string> {
    const { size } = fstatSync(descriptor);
    const start = Buffer.alloc(8);
    if (readSync(descriptor, start, 0, 8, 0) < 8) return err('is too short for a safetensors file');
    const length = headerLength(start);
    if (length > HEADER_LIMIT || 8 + length > size) return err('has a header length beyond its end');
    const header = Buffer.alloc(length);
    readFully(descriptor, header, 8);
    const layout = readLayout(header, size - 8 - length);
    return layout.ok ? ok(new SafetensorsReader(descriptor, 8 + length, layout.value)) : layout;
  }

  /** The numbers of a float32 tensor, or undefined where there is none of that name. */
  float32(name: string): { readonly shape: readonly number[]; readonly data: Float32Array<ArrayBuffer> } | undefined {
    const placed = this.#layout.get(name);
    if (placed?.dtype !== 'F32') return undefined;
    const data = new Float32Array((placed.to - placed.from) / 4);
    readFully(this.#descriptor, new Uint8Array(data.buffer), this.#start + placed.from);
    return { shape: placed.shape, data };
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

interface PlacedTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Bytes from the end of the header. */
  readonly from: number;
  readonly to: number;
}

/** The tensors that a header names, in the order of their bytes, which they cover without overlap or gap. */
function readLayout(headerBytes: Uint8Array, dataLength: number): Result<ReadonlyMap<string, PlacedTensor>, string> {
  const header = parseHeader(headerBytes);
  if (!header) return err('has a header that is not a JSON object');
  const placed: (readonly [string, PlacedTensor])[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const tensor = placeTensor(entry, dataLength);
    if (!tensor.ok) return err(`has a tensor ${JSON.stringify(name)} ${tensor.error}`);
    placed.push([name, tensor.value]);
  }
  placed.sort(([, a], [, b]) => a.from - b.from || a.to - b.to);
  let end = 0;
  for (const [, { from, to }] of placed) {
    if (from !== end) return err('has tensors that overlap or leave gaps');
    end = to;
  }
  return end === dataLength ? ok(new Map(placed)) : err('has bytes that belong to no tensor');
}

function headerLength(start: Uint8Array): number {
  return Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
}

/** @throws Error when the file ends before the buffer is full: it was changed while it was read. */
function readFully(descriptor: number, into: Uint8Array, position: number): void {
  for (let at = 0; at < into.length; ) {
    const read = readSync(descriptor, into, at, into.length - at, position + at);
    if (read === 0) throw new Error('a safetensors file became shorter while it was read');
    at += read;
  }
}

/** The float32 numbers of a stored tensor, copied out. @throws Error when it holds something else. */
export function float32Of(tensor: StoredTensor): Float32Array<ArrayBuffer> {
  if (tensor.dtype !== 'F32') throw new Error(`a tensor of ${tensor.dtype} where F32 is expected`);
  return new Float32Array(new Uint8Array(tensor.bytes).buffer);
}

function parseHeader(bytes: Uint8Array): Readonly<Record<string, Json>> | undefined {
  try {
    const parsed: Json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return isJsonObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function placeTensor(entry: Json, dataLength: number): Result<PlacedTensor, string> {
  if (!isJsonObject(entry)) return err('that is not described');
  const { dtype, shape, data_offsets: offsets } = entry;
  if (dtype !== 'F32' && dtype !== 'F16')
    return err(`of type ${JSON.stringify(dtype ?? null).slice(0, 40)}, not F32 or F16`);
  if (!isExtents(shape)) return err('without a shape');
  if (!isExtents(offsets) || offsets.length !== 2) return err('without offsets');
  const [from = 0, to = 0] = offsets;
  if (to > dataLength || to - from !== byteLength(dtype, shape)) return err('whose offsets do not fit its shape');
  return ok({ dtype, shape, from, to });
}

function isExtents(value: Json | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
}

function byteLength(dtype: SafetensorsDtype, shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, DTYPE_BYTES[dtype]);
}

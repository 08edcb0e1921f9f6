/** Writes ONNX models: the protobuf wire format of onnx.proto3 (field numbers beside each field), nothing more than the tracer needs. */
import { Message } from '../../files/protobuf-message.ts';
import type { Shape } from '../../networks/network.ts';

export type OnnxType = 'float32' | 'uint8' | 'int8' | 'int32' | 'int64' | 'bool' | 'float16';
export type OnnxData = Float32Array | Int32Array | BigInt64Array | Uint8Array | Int8Array | Uint16Array;

/** TensorProto.DataType */
export const ONNX_TYPES: Readonly<Record<OnnxType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Empty for the standard operators. */
  readonly domain: string;
  /** Of a node in somebody's file: its field as it was read, which is written in place of all the rest. */
  readonly raw?: Uint8Array;
  /** Values that its nested graphs read. */
  readonly alsoReads?: readonly string[];
}

export interface OnnxTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly type: OnnxType;
  readonly data: OnnxData;
  /** Of a tensor in somebody's file whose numbers are not looked at: its field as it was read. */
  readonly raw?: Uint8Array;
}

/** A graph input or output; an extent of -1 is the symbolic batch. */
export interface OnnxValue {
  readonly name: string;
  readonly shape: Shape;
  readonly type: OnnxType;
  /** A sequence of tensors instead of a tensor. */
  readonly sequence?: boolean;
  /** Its field as it was read in somebody's file. */
  readonly raw?: Uint8Array;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Version of the standard operators, that of the tracer where absent. */
  readonly opset?: number;
  /** Versions of further domains. */
  readonly domains?: ReadonlyMap<string, number>;
}

const OPSET = 17;
const IR_VERSION = 8;

/** @param metadata key to text, for whoever uses the file */
export function writeModel(graph: OnnxGraph, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const opset = (domain: string, version: number) => new Message().text(1, domain).integer(2, version);
  const model = new Message()
    .integer(1, IR_VERSION)
    .text(2, 'pipe')
    .message(7, graphMessage(graph))
    .message(8, opset('', graph.opset ?? OPSET));
  const domains = new Map(graph.domains);
  if (graph.nodes.some(({ domain }) => domain === 'com.microsoft')) domains.set('com.microsoft', 1);
  for (const [domain, version] of domains) model.message(8, opset(domain, version));
  for (const [key, value] of Object.entries(metadata)) model.message(14, new Message().text(1, key).text(2, value));
  return model.bytes();
}

function graphMessage({ nodes, initializers, inputs, outputs }: OnnxGraph): Message {
  const message = new Message();
  let maxPlaces = 0;
  nodes.forEach((node, i) => {
    if (node.raw) {
      message.copied(node.raw);
      return;
    }
    const name = isMaxPlaces(node) ? maxPlacesName(maxPlaces++) : `${node.op}_${i}`;
    message.message(1, nodeMessage(node, name));
  });
  message.text(2, 'network');
  for (const tensor of initializers) {
    if (tensor.raw) message.copied(tensor.raw);
    else message.message(5, tensorMessage(tensor));
  }
  for (const [field, values] of [
    [11, inputs],
    [12, outputs],
  ] as const) {
    for (const value of values) {
      if (value.raw) message.copied(value.raw);
      else message.message(field, valueMessage(value));
    }
  }
  return message;
}

function nodeMessage({ op, inputs, outputs, attributes, domain }: OnnxNode, name: string): Message {
  const message = new Message();
  for (const input of inputs) message.text(1, input);
  for (const output of outputs) message.text(2, output);
  message.text(3, name).text(4, op);
  for (const [key, value] of Object.entries(attributes)) message.message(5, attributeMessage(key, value));
  return domain === '' ? message : message.text(7, domain);
}

/** Names of the MaxPools that also give the places of their maxima, by which they can be kept off a device that lacks them. */
export function maxPlacesName(index: number): string {
  return `MaxPlaces_${index}`;
}

function isMaxPlaces({ op, outputs }: OnnxNode): boolean {
  return op === 'MaxPool' && outputs.length === 2;
}

/** AttributeProto: name 1, f 2, i 3, s 4, ints 8, type 20 (FLOAT 1, INT 2, STRING 3, INTS 7). */
function attributeMessage(name: string, value: Attribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2);
  if (typeof value === 'string') return message.text(4, value).integer(20, 3);
  if ('float' in value) return message.float(2, value.float).integer(20, 1);
  for (const item of value) message.integer(8, item);
  return message.integer(20, 7);
}

/** TensorProto: dims 1, data_type 2, name 8, raw_data 9. */
function tensorMessage({ name, shape, type, data }: OnnxTensor): Message {
  const message = new Message();
  for (const extent of shape) message.integer(1, extent);
  return message
    .integer(2, ONNX_TYPES[type])
    .text(8, name)
    .raw(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** ValueInfoProto: name 1, type 2. TypeProto: tensor 1, sequence 4. TensorShapeProto.Dimension: value 1, param 2. */
function valueMessage({ name, shape, type, sequence }: OnnxValue): Message {
  const dimensions = new Message();
  for (const extent of shape)
    dimensions.message(1, extent < 0 ? new Message().text(2, 'batch') : new Message().integer(1, extent));
  const tensor = new Message().message(1, new Message().integer(1, ONNX_TYPES[type]).message(2, dimensions));
  const whole = sequence ? new Message().message(4, new Message().message(1, tensor)) : tensor;
  return new Message().text(1, name).message(2, whole);
}

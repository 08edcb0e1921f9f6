/** Writes ONNX models: the protobuf wire format of onnx.proto3 (field numbers beside each field), nothing more than the tracer needs. */
import { Message } from '../../files/protobuf-message.ts';
import type { Shape } from '../../networks/network.ts';

export type OnnxType = 'float32' | 'int32' | 'int64' | 'bool';
export type OnnxData = Float32Array | Int32Array | BigInt64Array | Uint8Array;

/** TensorProto.DataType */
export const ONNX_TYPES: Readonly<Record<OnnxType, number>> = { float32: 1, int32: 6, int64: 7, bool: 9 };

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Empty for the standard operators. */
  readonly domain: string;
}

export interface OnnxTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly type: OnnxType;
  readonly data: OnnxData;
}

/** A graph input or output; an extent of -1 is the symbolic batch. */
export interface OnnxValue {
  readonly name: string;
  readonly shape: Shape;
  readonly type: OnnxType;
  /** A sequence of tensors instead of a tensor. */
  readonly sequence?: boolean;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
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
    .message(8, opset('', OPSET));
  if (graph.nodes.some(({ domain }) => domain !== '')) model.message(8, opset('com.microsoft', 1));
  for (const [key, value] of Object.entries(metadata)) model.message(14, new Message().text(1, key).text(2, value));
  return model.bytes();
}

function graphMessage({ nodes, initializers, inputs, outputs }: OnnxGraph): Message {
  const message = new Message();
  let maxPlaces = 0;
  nodes.forEach((node, i) => {
    const name = isMaxPlaces(node) ? maxPlacesName(maxPlaces++) : `${node.op}_${i}`;
    message.message(1, nodeMessage(node, name));
  });
  message.text(2, 'network');
  for (const tensor of initializers) message.message(5, tensorMessage(tensor));
  for (const value of inputs) message.message(11, valueMessage(value));
  for (const value of outputs) message.message(12, valueMessage(value));
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

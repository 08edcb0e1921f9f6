/** An ONNX file as far as it must be understood to check, describe and cut it. Field numbers are those of onnx.proto. */
import { type Field, fieldsOf, integersOf, Malformed, textOf } from './protobuf.ts';
import { parseTensor, type Tensor } from './tensor.ts';

/** `null` where the file leaves an extent open. */
export type OpenShape = readonly (number | null)[];

export interface ValueInfo {
  readonly name: string;
  /** Type of the numbers, 1 for float32; 0 where it is not stated. */
  readonly elementType: number;
  readonly shape: OpenShape | undefined;
  readonly raw: Uint8Array;
}

export interface Attribute {
  readonly integer: number;
  readonly integers: readonly number[];
  readonly float: number;
  readonly text: string;
  readonly tensor: Tensor | undefined;
  /** onnx.proto's AttributeProto.AttributeType: 1 float, 2 integer, 3 text, 7 integers; 0 where it is not stated. */
  readonly type: number;
}

export interface Node {
  readonly name: string;
  readonly operator: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Everything that it reads, in nested graphs too. */
  readonly reads: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** Nodes of nested graphs. */
  readonly nested: readonly Node[];
  readonly raw: Uint8Array;
}

export interface OnnxModel {
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly values: readonly ValueInfo[];
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  /** Names of functions that the file defines, `domain name`. */
  readonly functions: ReadonlySet<string>;
  /** Nodes inside those functions. */
  readonly functionNodes: readonly Node[];
  /** Tensors anywhere in the file, in attributes and nested graphs too. */
  readonly tensors: readonly Tensor[];
  readonly sparse: boolean;
  /** Fields of the model, and of its graph, to be copied as they are. */
  readonly otherFields: readonly Uint8Array[];
  readonly otherGraphFields: readonly Uint8Array[];
}

/** Graphs within graphs, as in If and Loop. */
const DEEPEST = 16;

/** @throws Malformed when the bytes are no ONNX model */
export function parseModel(bytes: Uint8Array): OnnxModel {
  const tensors: Tensor[] = [];
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  const functions = new Set<string>();
  const functionNodes: Node[] = [];
  const otherFields: Uint8Array[] = [];
  let graph: Graph | undefined;
  for (const field of fieldsOf(bytes)) {
    if (field.number === 7) {
      if (graph) throw new Malformed('two graphs');
      graph = parseGraph(field.bytes, tensors, 0);
      continue;
    }
    otherFields.push(field.raw);
    if (field.number === 8) opsets.set(...parseOpset(field.bytes));
    else if (field.number === 14) metadata.set(...parseEntry(field.bytes));
    else if (field.number === 25) {
      const { name, nodes } = parseFunction(field.bytes, tensors);
      functions.add(name);
      for (const node of nodes) functionNodes.push(node);
    }
  }
  if (!graph || graph.nodes.length === 0) throw new Malformed('no graph');
  return { ...graph, opsets, metadata, functions, functionNodes, tensors, otherFields };
}

interface Graph {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly values: readonly ValueInfo[];
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly sparse: boolean;
  readonly otherGraphFields: readonly Uint8Array[];
}

function parseGraph(bytes: Uint8Array, tensors: Tensor[], depth: number): Graph {
  if (depth > DEEPEST) throw new Malformed(`graphs nested deeper than ${DEEPEST}`);
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const values: ValueInfo[] = [];
  const nodes: Node[] = [];
  const initializers = new Map<string, Tensor>();
  const otherGraphFields: Uint8Array[] = [];
  let sparse = false;
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) nodes.push(parseNode(field.bytes, field.raw, tensors, depth));
    else if (field.number === 5) {
      const tensor = parseTensor(field.bytes, field.raw);
      tensors.push(tensor);
      initializers.set(tensor.name, tensor);
    } else if (field.number === 11) inputs.push(parseValue(field));
    else if (field.number === 12) outputs.push(parseValue(field));
    else if (field.number === 13) values.push(parseValue(field));
    else {
      sparse ||= field.number === 15;
      otherGraphFields.push(field.raw);
    }
  }
  return { inputs, outputs, values, nodes, initializers, sparse, otherGraphFields };
}

function parseNode(bytes: Uint8Array, raw: Uint8Array, tensors: Tensor[], depth: number): Node {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const reads: string[] = [];
  const nested: Node[] = [];
  const attributes = new Map<string, Attribute>();
  let name = '';
  let operator = '';
  let domain = '';
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) inputs.push(textOf(field));
    else if (field.number === 2) outputs.push(textOf(field));
    else if (field.number === 3) name = textOf(field);
    else if (field.number === 4) operator = textOf(field);
    else if (field.number === 7) domain = textOf(field);
    else if (field.number === 5) {
      const attribute = parseAttribute(field.bytes, tensors, depth);
      attributes.set(attribute.name, attribute);
      for (const graph of attribute.graphs) {
        for (const node of graph.nodes) {
          for (const inner of [node, ...node.nested]) nested.push(inner);
          for (const source of node.reads) reads.push(source);
        }
        for (const output of graph.outputs) reads.push(output.name);
      }
    }
  }
  return {
    name,
    operator,
    domain,
    inputs,
    outputs,
    reads: [...inputs, ...reads].filter(Boolean),
    attributes,
    nested,
    raw,
  };
}

interface ParsedAttribute extends Attribute {
  readonly name: string;
  readonly graphs: readonly Graph[];
}

function parseAttribute(bytes: Uint8Array, tensors: Tensor[], depth: number): ParsedAttribute {
  const integers: number[] = [];
  const graphs: Graph[] = [];
  let name = '';
  let integer = 0;
  let float = 0;
  let type = 0;
  let text = '';
  let tensor: Tensor | undefined;
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) name = textOf(field);
    else if (field.number === 2) float = floatOf(field.bytes);
    else if (field.number === 20) type = field.value;
    else if (field.number === 3) integer = field.value;
    else if (field.number === 4) text = textOf(field);
    else if (field.number === 5 || field.number === 10) {
      tensor = parseTensor(field.bytes, field.raw);
      tensors.push(tensor);
    } else if (field.number === 6 || field.number === 11) graphs.push(parseGraph(field.bytes, tensors, depth + 1));
    else if (field.number === 8) for (const value of integersOf(field)) integers.push(value);
  }
  return { name, integer, integers, float, text, tensor, type, graphs };
}

function floatOf(bytes: Uint8Array): number {
  return bytes.length === 4 ? new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true) : 0;
}

function parseFunction(
  bytes: Uint8Array,
  tensors: Tensor[],
): { readonly name: string; readonly nodes: readonly Node[] } {
  const nodes: Node[] = [];
  let name = '';
  let domain = '';
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) name = textOf(field);
    else if (field.number === 7) nodes.push(parseNode(field.bytes, field.raw, tensors, 1));
    else if (field.number === 10) domain = textOf(field);
  }
  return { name: `${domain} ${name}`, nodes };
}

function parseValue({ bytes, raw }: Field): ValueInfo {
  let name = '';
  let elementType = 0;
  let shape: OpenShape | undefined;
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) name = textOf(field);
    if (field.number !== 2) continue;
    // TypeProto → tensor_type → elem_type, shape
    for (const type of fieldsOf(field.bytes)) {
      if (type.number !== 1) continue;
      for (const part of fieldsOf(type.bytes)) {
        if (part.number === 1) elementType = part.value;
        else if (part.number === 2) shape = parseShape(part.bytes);
      }
    }
  }
  return { name, elementType, shape, raw };
}

function parseShape(bytes: Uint8Array): OpenShape {
  const extents: (number | null)[] = [];
  for (const dimension of fieldsOf(bytes)) {
    if (dimension.number !== 1) continue;
    let extent: number | null = null;
    for (const field of fieldsOf(dimension.bytes)) if (field.number === 1 && field.value > 0) extent = field.value;
    extents.push(extent);
  }
  return extents;
}

function parseOpset(bytes: Uint8Array): [domain: string, version: number] {
  let domain = '';
  let version = 0;
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) domain = textOf(field);
    else if (field.number === 2) version = field.value;
  }
  return [domain, version];
}

function parseEntry(bytes: Uint8Array): [key: string, value: string] {
  let key = '';
  let value = '';
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) key = textOf(field);
    else if (field.number === 2) value = textOf(field);
  }
  return [key, value];
}

/** Somebody's ONNX file as a graph: nodes and tensors that are left alone are written again as they were read. */
import { type Attribute as FileAttribute, type Node, type OnnxModel, parseModel } from '../../../files/onnx/model.ts';
import type { Tensor } from '../../../files/onnx/tensor.ts';
import type { Attribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from '../onnx-writer.ts';

/** Operators of the standard domain that mean the same from opset 7 to 12, but for what `raised` rewrites. */
const SAME_UNTIL_12 = new Set(
  (
    'Add AveragePool BatchNormalization Concat Constant Conv Div Dropout Exp Flatten Gather Gemm GlobalAveragePool GlobalMaxPool ' +
    'Identity LRN LeakyRelu MatMul MaxPool Mul PRelu Pow ReduceMax ReduceMean ReduceSum Relu Reshape Shape Sigmoid Softmax Sqrt ' +
    'Squeeze Sub Sum Tanh Transpose Unsqueeze Elu Clip'
  ).split(' '),
);

/** 8-bit pooling came with this opset. */
const LEAST_OPSET = 12;

/** @throws when the file cannot be taken apart */
export function readGraph(bytes: Uint8Array): OnnxGraph {
  const model = parseModel(bytes);
  if (model.functions.size > 0) throw new Error('it defines functions of its own, which cannot be rewritten');
  if (model.sparse) throw new Error('it has sparse weights, which cannot be rewritten');
  const { constants, nodes } = withoutConstantNodes(model);
  const written = nodes.map(nodeOf);
  const opset = model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? 0;
  const domains = new Map([...model.opsets].filter(([domain]) => domain !== '' && domain !== 'ai.onnx'));
  const graph: OnnxGraph = {
    nodes: written,
    initializers: [...model.initializers.values(), ...constants].map(tensorOf),
    // Files of the first versions name their weights among the inputs, to be overridden.
    inputs: model.inputs.filter(({ name }) => !model.initializers.has(name)).map(fileValue),
    outputs: model.outputs.map(fileValue),
    domains,
  };
  return opset >= LEAST_OPSET ? { ...graph, opset } : raised(graph, opset);
}

function withoutConstantNodes({ nodes }: OnnxModel) {
  const constants: Tensor[] = [];
  const rest = nodes.filter(({ operator, attributes, outputs }) => {
    const tensor = operator === 'Constant' ? attributes.get('value')?.tensor : undefined;
    const [name = ''] = outputs;
    if (!tensor || numbersOf(tensor) === undefined) return true;
    constants.push({ ...tensor, name });
    return false;
  });
  return { constants, nodes: rest };
}

function nodeOf({ operator, domain, inputs, outputs, attributes, reads, raw }: Node): OnnxNode {
  const known = new Map([...attributes].map(([name, attribute]) => [name, attributeOf(attribute)]));
  const plain = [...known].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return {
    op: operator,
    domain: domain === 'ai.onnx' ? '' : domain,
    inputs,
    outputs,
    // A node with an attribute that is not understood is never rewritten: no operator that is known has the mark.
    attributes: plain.length === attributes.size ? Object.fromEntries(plain) : { unknown: 1 },
    raw,
    alsoReads: reads.filter((name) => !inputs.includes(name)),
  };
}

function attributeOf({ type, integer, integers, float, text }: FileAttribute): Attribute | undefined {
  if (type === 1) return { float };
  if (type === 2) return integer;
  if (type === 3) return text;
  return type === 7 ? integers : undefined;
}

function tensorOf(tensor: Tensor): OnnxTensor {
  const { name, shape, raw } = tensor;
  const numbers = numbersOf(tensor);
  // Numbers of other types are written as they were read, and never looked at.
  return numbers ? { name, shape, ...numbers } : { name, shape, type: 'bool', data: new Uint8Array(0), raw };
}

function numbersOf({ type, data, integers, length }: Tensor): Pick<OnnxTensor, 'type' | 'data'> | undefined {
  if (type === 1 && data?.length === 4 * length)
    return { type: 'float32', data: new Float32Array(new Uint8Array(data).buffer) };
  if (type === 7 && integers.length === length)
    return { type: 'int64', data: BigInt64Array.from(integers, (value) => BigInt(value)) };
  return undefined;
}

function fileValue({ name, raw }: { readonly name: string; readonly raw: Uint8Array }): OnnxValue {
  return { name, shape: [], type: 'float32', raw };
}

/** The graph in the words of opset 12. */
function raised(graph: OnnxGraph, opset: number): OnnxGraph {
  const strange = graph.nodes.find(({ op, domain }) => domain === '' && !SAME_UNTIL_12.has(op));
  if (strange || opset < 7)
    throw new Error(
      `its ${strange?.op ?? 'operators'} of opset ${opset} is too old to be rewritten; onnx.version_converter makes opset 17 of it`,
    );
  const limits: OnnxTensor[] = [];
  const nodes = graph.nodes.map((node) => {
    if (node.op === 'Dropout') {
      const { raw: _, ...rest } = node;
      return {
        ...rest,
        op: 'Identity',
        inputs: node.inputs.slice(0, 1),
        outputs: node.outputs.slice(0, 1),
        attributes: {},
      };
    }
    if (node.op !== 'Clip' || node.inputs.length > 1) return node;
    const { raw: _, ...rest } = node;
    const inputs = [...node.inputs];
    for (const key of ['min', 'max']) {
      const limit = node.attributes[key];
      const name = typeof limit === 'object' && 'float' in limit ? `${node.outputs[0]} ${key}` : '';
      if (name && typeof limit === 'object' && 'float' in limit)
        limits.push({ name, shape: [], type: 'float32', data: Float32Array.of(limit.float) });
      inputs.push(name);
    }
    return { ...rest, inputs, attributes: {} };
  });
  return { ...graph, nodes, initializers: [...graph.initializers, ...limits], opset: LEAST_OPSET };
}

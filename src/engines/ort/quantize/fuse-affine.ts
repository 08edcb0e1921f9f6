/**
 * Puts what follows a convolution or a dense layer channel by channel (bias, batch norm, a factor) into its weights, and padding before a
 * convolution into the convolution: the same network in fewer numbers, so that each layer is quantised once.
 */
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../onnx-writer.ts';
import { floatAttribute, GraphView, integerAttribute, isOperator, listAttribute, withoutUnread } from './graph-view.ts';

/** y·factor + offset, a number a channel. */
interface Affine {
  readonly factor: Float32Array;
  readonly offset: Float32Array;
}

/** A convolution or a dense layer with constant weights. */
interface Layer {
  readonly node: OnnxNode;
  readonly weights: OnnxTensor & { readonly data: Float32Array };
  readonly channels: number;
  /** The axis of the weights along which the output channels lie. */
  readonly axis: number;
  readonly rank: 2 | 4;
}

export function fuseAffine(graph: OnnxGraph): OnnxGraph {
  const view = new GraphView(graph);
  const gone = new Set<OnnxNode>();
  const nodes: OnnxNode[] = [];
  const added: OnnxTensor[] = [];
  for (const node of graph.nodes) {
    if (gone.has(node)) continue;
    const layer = layerOf(node, view);
    if (!layer) {
      if (!isOnlyPadding(node, view)) nodes.push(node);
      continue;
    }
    const fused = fuse(layer, view, gone);
    added.push(...fused.tensors);
    nodes.push(padInside(fused.node, view));
  }
  return withoutUnread({ ...graph, nodes, initializers: [...graph.initializers, ...added] });
}

function layerOf(node: OnnxNode, view: GraphView): Layer | undefined {
  const [, name, bias] = node.inputs;
  const weights = view.constant(name);
  if (!(weights?.data instanceof Float32Array) || (bias && !view.floats(bias))) return undefined;
  const floats = { ...weights, data: weights.data };
  const { shape } = weights;
  if (isOperator(node, 'Conv') && shape.length === 4)
    return { node, weights: floats, channels: shape[0] ?? 0, axis: 0, rank: 4 };
  const transposed = integerAttribute(node, 'transB', 0);
  const plain =
    isOperator(node, 'Gemm') &&
    integerAttribute(node, 'transA', 0) === 0 &&
    floatAttribute(node, 'alpha', 1) === 1 &&
    floatAttribute(node, 'beta', 1) === 1;
  if (!plain || shape.length !== 2) return undefined;
  const axis = transposed ? 0 : 1;
  return { node, weights: floats, channels: shape[axis] ?? 0, axis, rank: 2 };
}

function fuse(layer: Layer, view: GraphView, gone: Set<OnnxNode>): { node: OnnxNode; tensors: readonly OnnxTensor[] } {
  const { node, channels } = layer;
  const factor = new Float64Array(channels).fill(1);
  const [x = '', name = '', biasName = ''] = node.inputs;
  const given = biasName ? perChannel(view.floats(biasName), channels, layer.rank, true) : undefined;
  if (biasName && !given) return { node, tensors: [] };
  const offset = Float64Array.from(given ?? new Float32Array(channels));
  let output = node.outputs[0] ?? '';
  for (;;) {
    const next = view.onlyReader(output);
    const affine = next && affineOf(next, output, view, layer);
    if (!next || !affine) break;
    for (let c = 0; c < channels; c++) {
      factor[c] = (factor[c] ?? 1) * (affine.factor[c] ?? 1);
      offset[c] = (offset[c] ?? 0) * (affine.factor[c] ?? 1) + (affine.offset[c] ?? 0);
    }
    gone.add(next);
    output = next.outputs[0] ?? '';
  }
  const scaled = factor.some((value) => value !== 1);
  const tensors: OnnxTensor[] = [];
  const weightsName = scaled ? `${name} for ${output}` : name;
  if (scaled) tensors.push({ ...layer.weights, name: weightsName, data: scaledWeights(layer, factor) });
  const bias = `bias for ${output}`;
  tensors.push({ name: bias, shape: [channels], type: 'float32', data: Float32Array.from(offset) });
  const { raw: _, ...rest } = node;
  return { node: { ...rest, inputs: [x, weightsName, bias], outputs: [output] }, tensors };
}

function scaledWeights({ weights, axis, channels }: Layer, factor: Float64Array): Float32Array {
  const inner = weights.shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  return weights.data.map((value, at) => value * (factor[Math.floor(at / inner) % channels] ?? 1));
}

/** What a node does to the channels of `value`, where that is all it does. */
function affineOf(node: OnnxNode, value: string, view: GraphView, { channels, rank }: Layer): Affine | undefined {
  if (isOperator(node, 'BatchNormalization')) return batchNorm(node, view, channels);
  if (!isOperator(node, 'Add', 'Sub', 'Mul', 'Div')) return undefined;
  const [a = '', b = ''] = node.inputs;
  const first = a === value;
  const numbers = perChannel(view.floats(first ? b : a), channels, rank, false);
  if (!numbers || (!first && (node.op === 'Sub' || node.op === 'Div'))) return undefined;
  const [zeros, ones] = [new Float32Array(channels), new Float32Array(channels).fill(1)];
  if (node.op === 'Add') return { factor: ones, offset: numbers };
  if (node.op === 'Sub') return { factor: ones, offset: numbers.map((number) => -number) };
  return { factor: node.op === 'Mul' ? numbers : numbers.map((number) => 1 / number), offset: zeros };
}

/** γ·(x − μ)/√(σ² + ε) + β with stored statistics. */
function batchNorm(node: OnnxNode, view: GraphView, channels: number): Affine | undefined {
  const [, gamma, beta, mean, variance] = node.inputs.map((name) => view.floats(name)?.data);
  if (!gamma || !beta || !mean || !variance || gamma.length !== channels || node.outputs.length > 1) return undefined;
  if (integerAttribute(node, 'training_mode', 0) !== 0) return undefined;
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const factor = gamma.map((value, c) => value / Math.sqrt((variance[c] ?? 0) + epsilon));
  return { factor, offset: beta.map((value, c) => value - (mean[c] ?? 0) * (factor[c] ?? 0)) };
}

/** A constant that is one number, or one a channel: [channels, 1, 1] for images, [channels] for rows and for a layer's own bias. */
function perChannel(
  tensor: { readonly shape: readonly number[]; readonly data: Float32Array } | undefined,
  channels: number,
  rank: 2 | 4,
  ownBias: boolean,
): Float32Array | undefined {
  if (!tensor || tensor.shape.length > rank) return undefined;
  const { data, shape } = tensor;
  if (data.length === 1) return new Float32Array(channels).fill(data[0] ?? 0);
  const after = rank === 4 && !ownBias ? 2 : 0;
  const extent = shape[shape.length - 1 - after];
  return data.length === channels && extent === channels ? Float32Array.from(data) : undefined;
}

/** Zeros round height and width, for nobody but convolutions. */
function isOnlyPadding(node: OnnxNode, view: GraphView): boolean {
  const [output = ''] = node.outputs;
  const readers = view.readers(output);
  return (
    spatialPads(node, view) !== undefined &&
    !view.isOutput(output) &&
    readers.length > 0 &&
    readers.every((reader) => layerOf(reader, view)?.rank === 4 && reader.inputs[0] === output && takesPads(reader))
  );
}

function takesPads({ attributes }: OnnxNode): boolean {
  return (
    attributes['auto_pad'] === undefined || attributes['auto_pad'] === 'NOTSET' || attributes['auto_pad'] === 'VALID'
  );
}

/** [top, left, bottom, right] */
function spatialPads(node: OnnxNode, view: GraphView): readonly number[] | undefined {
  if (!isOperator(node, 'Pad') || (node.attributes['mode'] ?? 'constant') !== 'constant' || node.inputs[3])
    return undefined;
  const pads = view.integers(node.inputs[1]);
  const value = node.inputs[2] ? view.floats(node.inputs[2])?.data[0] : 0;
  if (pads?.length !== 8 || value !== 0) return undefined;
  const [n0, c0, top = 0, left = 0, n1, c1, bottom = 0, right = 0] = pads;
  const plain = [n0, c0, n1, c1].every((pad) => pad === 0) && [top, left, bottom, right].every((pad) => pad >= 0);
  return plain ? [top, left, bottom, right] : undefined;
}

function padInside(node: OnnxNode, view: GraphView): OnnxNode {
  const [x = '', ...weights] = node.inputs;
  const before = view.maker(x);
  const pads = before && isOnlyPadding(before, view) ? spatialPads(before, view) : undefined;
  if (!before || !pads) return node;
  const { auto_pad: _, ...attributes } = node.attributes;
  const own = listAttribute(node, 'pads') ?? [0, 0, 0, 0];
  return {
    ...node,
    inputs: [before.inputs[0] ?? '', ...weights],
    attributes: { ...attributes, pads: pads.map((pad, side) => pad + (own[side] ?? 0)) },
  };
}

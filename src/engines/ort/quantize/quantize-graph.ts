/**
 * A graph in eight bits: convolutions, dense layers, sums, joins and pools on integers from one to the next, everything else in
 * float32 between conversions. The numbers of each row are the same in whatever batch it stands: integers add up exactly.
 */
import type { Attribute, OnnxData, OnnxGraph, OnnxNode, OnnxTensor, OnnxType } from '../onnx-writer.ts';
import type { Ranges } from './calibration-graph.ts';
import { integerAttribute, readsOf, withoutUnread } from './graph-view.ts';
import {
  type ActivationScale,
  activationScale,
  lostOfFilters,
  quantizeWeights,
  type Range,
} from './quantized-numbers.ts';
import { type Site, Sites } from './sites.ts';

/**
 * Signed weights are what processors multiply fastest. Some without the instruction for it (VNNI) saturate sums of two products in 16
 * bits; there the same integers, moved up by 128, go through instructions that do not. Where the processor multiplies whole tiles
 * (Intel's AMX), the library does so in products of matrices but not in its convolution for weights whose zero is 0: `lowered` moves long
 * filters down by one, which takes it to the product of matrices. The results are the same integers in every form.
 */
export type WeightForm = 'signed' | 'unsigned' | 'lowered';

/** Numbers of a filter from which on the product of matrices was the faster one: 864 were, 576 were no gain. */
const LONG_FILTER = 800;

export interface QuantizedGraph {
  readonly graph: OnnxGraph;
  /** Operators that stay in float32 though they could matter, by name, each once. */
  readonly kept: readonly string[];
}

/** @param ranges of the values that `Sites.values` names; means of those that `Sites.filtered` does, as far as they are known */
export function quantizeGraph(graph: OnnxGraph, ranges: Ranges, form: WeightForm): QuantizedGraph {
  return new Quantization(graph, ranges, form).result();
}

/** Operators whose cost is nothing beside the convolutions', or that must compute in floats. */
const EXPECTED = new Set(
  (
    'Cast Clip Constant Dropout Flatten Gather GlobalAveragePool GlobalMaxPool Identity Pad ReduceMax ReduceMean Relu Reshape Shape ' +
    'Slice Softmax Squeeze Transpose Unsqueeze LogSoftmax ArgMax'
  ).split(' '),
);

interface Eight extends ActivationScale {
  readonly name: string;
}

class Quantization {
  readonly #graph: OnnxGraph;
  readonly #sites: Sites;
  readonly #form: WeightForm;
  readonly #ranges: ReadonlyMap<string, Range>;
  readonly #means: ReadonlyMap<string, Float32Array>;
  readonly #nodes: OnnxNode[] = [];
  readonly #tensors: OnnxTensor[] = [];
  readonly #eights = new Map<string, Eight>();
  readonly #floats: Set<string>;
  readonly #kept = new Set<string>();
  /** Joins whose inputs have one scale, and for each value that has to share it, that scale. */
  readonly #joins = new Set<OnnxNode>();
  readonly #shared = new Map<string, Range>();
  #count = 0;

  constructor(graph: OnnxGraph, { values, means }: Ranges, form: WeightForm) {
    this.#graph = graph;
    this.#sites = new Sites(graph);
    this.#ranges = values;
    this.#means = means;
    this.#form = form;
    this.#floats = new Set([...graph.inputs, ...graph.initializers].map(({ name }) => name));
    this.#share();
  }

  result(): QuantizedGraph {
    for (const node of this.#graph.nodes) {
      if (!this.#sites.isDone(node) && !this.#quantized(node)) this.#keep(node);
    }
    for (const { name } of this.#graph.outputs) this.#float(name);
    const graph = { ...this.#graph, nodes: this.#nodes, initializers: [...this.#graph.initializers, ...this.#tensors] };
    return { graph: withoutUnread(graph), kept: [...this.#kept].sort() };
  }

  /** Values that are joined get the range that covers them all, so that joining is copying. */
  #share(): void {
    for (const node of this.#graph.nodes) {
      if (this.#sites.at(node)?.kind !== 'concat') continue;
      const roots = node.inputs.map((name) => this.#sites.root(name));
      const all = [...roots, node.outputs[0] ?? ''].map((root) => this.#range(root));
      const range = { min: Math.min(0, ...all.map(({ min }) => min)), max: Math.max(...all.map(({ max }) => max)) };
      // What is cut off at zero by its range cannot share one that goes below.
      if (range.min < 0 && roots.some((root) => this.#sites.isCut(root))) continue;
      this.#joins.add(node);
      for (const root of [...roots, node.outputs[0] ?? '']) this.#shared.set(root, range);
    }
  }

  #range(name: string): Range {
    const root = this.#sites.root(name);
    const range = this.#shared.get(root) ?? this.#ranges.get(root);
    if (!range) throw new Error(`no range for ${root}`);
    return this.#sites.isCut(root) ? { min: Math.max(0, range.min), max: range.max } : range;
  }

  /** Whether the node was written in eight bits. */
  #quantized(node: OnnxNode): boolean {
    const site = this.#sites.at(node);
    const [x = '', y = ''] = node.inputs;
    switch (site?.kind) {
      case 'conv':
        this.#convolution(site);
        return true;
      case 'dense':
        this.#dense(site);
        return true;
      case 'add':
        if (!this.#worthwhile(site.output, x, y)) return false;
        this.#sum(site);
        return true;
      case 'carry':
        if (!this.#worthwhile(site.output, x)) return false;
        this.#carry(site);
        return true;
      case 'concat':
        if (!this.#joins.has(node) || !this.#worthwhile(site.output, ...node.inputs)) return false;
        this.#join(site);
        return true;
      default:
        return false;
    }
  }

  /** Whether its inputs are in eight bits, or its output is wanted so. */
  #worthwhile(output: string, ...inputs: readonly string[]): boolean {
    return this.#sites.wanted(output) || inputs.every((name) => this.#eights.has(name) && !this.#floats.has(name));
  }

  #keep(node: OnnxNode): void {
    for (const name of readsOf(node)) this.#float(name);
    this.#nodes.push(node);
    for (const name of node.outputs) this.#floats.add(name);
    if (node.domain !== '' || !EXPECTED.has(node.op)) this.#kept.add(node.op);
  }

  #convolution({ node, output }: Site): void {
    const [input = '', weightsName = '', biasName = ''] = node.inputs;
    const { view } = this.#sites;
    const weights = view.floats(weightsName);
    if (!weights) throw new Error(`${node.op} without weights`);
    const [channels = 0] = weights.shape;
    const x = this.#eight(input);
    const bias = view.floats(biasName)?.data ?? new Float32Array(channels);
    const inner = weights.data.length / channels;
    const means = this.#means.get(input);
    const lost = means && lostOfFilters(weights, quantizeWeights(weights.data, bias, inner, x.scale), means);
    const corrected = lost ? bias.map((value, c) => value + (lost[c] ?? 0)) : bias;
    const q = quantizeWeights(weights.data, corrected, inner, x.scale);
    const y = activationScale(this.#range(output));
    const inputs = [
      ...this.#terms(x),
      ...this.#weights(q.data, weights.shape, q.scales),
      this.#number(y.scale),
      this.#zero(y.zero),
      this.#tensor(q.bias, [channels], 'int32'),
    ];
    this.#emit('QLinearConv', inputs, output, y, node.attributes);
  }

  /** A dense layer gives floats again: it comes last, or its activation is not one that a range can do. */
  #dense({ node, output }: Site): void {
    const [input = '', weightsName = '', biasName = ''] = node.inputs;
    const { view } = this.#sites;
    const weights = view.floats(weightsName);
    if (!weights) throw new Error(`${node.op} without weights`);
    const turned = integerAttribute(node, 'transB', 0) !== 0;
    const [rows = 0, columns = 0] = turned ? [...weights.shape].reverse() : weights.shape;
    const data = turned ? transposed(weights.data, columns, rows) : weights.data;
    const x = this.#eight(input);
    const q = quantizeWeights(data, view.floats(biasName)?.data ?? new Float32Array(columns), 1, x.scale);
    const inputs = [
      ...this.#terms(x),
      ...this.#weights(q.data, [rows, columns], q.scales),
      this.#tensor(q.bias, [columns], 'int32'),
    ];
    this.#nodes.push({ op: 'QGemm', domain: MICROSOFT, inputs, outputs: [output], attributes: {} });
    this.#floats.add(output);
  }

  #sum({ node, output }: Site): void {
    const [a = '', b = ''] = node.inputs;
    const y = activationScale(this.#range(output));
    const inputs = [...this.#terms(this.#eight(a)), ...this.#terms(this.#eight(b))];
    this.#emit('QLinearAdd', [...inputs, this.#number(y.scale), this.#zero(y.zero)], output, y, {}, MICROSOFT);
  }

  #carry({ node, output }: Site): void {
    const [input = '', ...rest] = node.inputs;
    const { name, ...scale } = this.#eight(input);
    this.#emit(node.op, [name, ...rest], output, scale, node.attributes);
  }

  #join({ node, output }: Site): void {
    const inputs = node.inputs.map((name) => this.#eight(name).name);
    this.#emit('Concat', inputs, output, activationScale(this.#range(output)), node.attributes);
  }

  #emit(
    op: string,
    inputs: readonly string[],
    output: string,
    { scale, zero }: ActivationScale,
    attributes: Readonly<Record<string, Attribute>>,
    domain = '',
  ): void {
    const name = `${output} in eight bits`;
    this.#nodes.push({ op, domain, inputs, outputs: [name], attributes });
    this.#eights.set(output, { name, scale, zero });
  }

  /** A value in eight bits, converted where it is there only in floats. */
  #eight(name: string): Eight {
    const known = this.#eights.get(name);
    if (known) return known;
    const scale = activationScale(this.#range(name));
    this.#emit('QuantizeLinear', [name, this.#number(scale.scale), this.#zero(scale.zero)], name, scale, {});
    return this.#eight(name);
  }

  /** A value in floats under its own name. */
  #float(name: string): void {
    const eight = this.#eights.get(name);
    if (!eight || this.#floats.has(name)) return;
    const inputs = [eight.name, this.#number(eight.scale), this.#zero(eight.zero)];
    this.#nodes.push({ op: 'DequantizeLinear', domain: '', inputs, outputs: [name], attributes: {} });
    this.#floats.add(name);
  }

  #terms({ name, scale, zero }: Eight): readonly string[] {
    return [name, this.#number(scale), this.#zero(zero)];
  }

  #weights(data: Int8Array, shape: readonly number[], scales: Float32Array): readonly string[] {
    const form = this.#form;
    const lowered = form === 'lowered' && shape.length === 4 && data.length / scales.length >= LONG_FILTER;
    const integers = (values: Int8Array, extents: readonly number[]) =>
      form === 'unsigned'
        ? this.#tensor(movedUp(values), extents, 'uint8')
        : this.#tensor(lowered ? values.map((value) => value - 1) : values, extents, 'int8');
    return [
      integers(data, shape),
      this.#tensor(scales, [scales.length], 'float32'),
      integers(new Int8Array(scales.length), [scales.length]),
    ];
  }

  #number(value: number): string {
    return this.#tensor(Float32Array.of(value), [], 'float32');
  }

  #zero(value: number): string {
    return this.#tensor(Uint8Array.of(value), [], 'uint8');
  }

  #tensor(data: OnnxData, shape: readonly number[], type: OnnxType): string {
    const name = `eight bits ${this.#count++}`;
    this.#tensors.push({ name, shape, type, data });
    return name;
  }
}

const MICROSOFT = 'com.microsoft';

function movedUp(data: Int8Array): Uint8Array {
  return Uint8Array.from(data, (value) => value + 128);
}

/** [columns, rows] as [rows, columns]. */
function transposed(data: Float32Array, columns: number, rows: number): Float32Array {
  return Float32Array.from(data, (_, at) => data[(at % columns) * rows + Math.floor(at / columns)] ?? 0);
}

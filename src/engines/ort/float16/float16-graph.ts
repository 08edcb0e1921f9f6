/**
 * A graph in float16: its input is rounded once, convolutions, dense layers and what follows them compute in float16 from one to the
 * next, and operators that lose too much there stay in float32 between conversions (Micikevicius et al., "Mixed precision training",
 * 2018, sorts operators so). Its inputs and outputs stay float32.
 */
import { encodeFloat16, FLOAT16_MAX, float16Value } from '../../../files/float16.ts';
import { ONNX_TYPES, type OnnxGraph, type OnnxNode, type OnnxTensor } from '../onnx-writer.ts';
import { GraphView, readsOf, withoutUnread } from '../quantize/graph-view.ts';
import { floatInputs, type Role, roleOf } from './operators.ts';

export interface Float16Graph {
  readonly graph: OnnxGraph;
  /** Operators that stay in float32 though they could matter, by name, each once. */
  readonly kept: readonly string[];
}

/** @param graph with batch norms in its convolutions where they fit: one that is left stays in float32 */
export function float16Graph(graph: OnnxGraph): Float16Graph {
  return new Conversion(graph).result();
}

/** ‖rounded − w‖ / ‖w‖ that weights may lose: rounding to eleven bits loses a quarter of it, at most. */
const MOST_LOST = 2 ** -9;

class Conversion {
  readonly #graph: OnnxGraph;
  readonly #view: GraphView;
  readonly #nodes: OnnxNode[] = [];
  readonly #tensors: OnnxTensor[] = [];
  /** Values that are there in float16, by their name in float32. */
  readonly #halves = new Map<string, string>();
  /** Values that are there under their own name. */
  readonly #present: Set<string>;
  /** Values known to be floats, in whichever width: somebody's file says of none. */
  readonly #floats: Set<string>;
  readonly #kept = new Set<string>();
  /** Constants in float16; undefined where too much of them would be lost. */
  readonly #encoded = new Map<string, Uint16Array | undefined>();

  constructor(graph: OnnxGraph) {
    this.#graph = graph;
    this.#view = new GraphView(graph);
    this.#present = new Set([...graph.inputs, ...graph.initializers].map(({ name }) => name));
    const constants = graph.initializers.filter(({ type }) => type === 'float32');
    this.#floats = new Set(
      [...graph.inputs.filter(({ type }) => type === 'float32'), ...constants].map(({ name }) => name),
    );
  }

  result(): Float16Graph {
    for (const node of this.#graph.nodes) {
      const role = node.domain === '' && node.attributes['unknown'] === undefined ? roleOf(node.op) : 'unknown';
      if (this.#fits(node, role)) this.#halve(node);
      else this.#keep(node, role);
    }
    for (const { name } of this.#graph.outputs) this.#whole(name);
    const graph = { ...this.#graph, nodes: this.#nodes, initializers: [...this.#graph.initializers, ...this.#tensors] };
    return { graph: withoutUnread(graph), kept: [...this.#kept].sort() };
  }

  #fits(node: OnnxNode, role: Role): boolean {
    // A second output holds integers or truths, but for that of a split.
    if ((node.outputs.length !== 1 && node.op !== 'Split') || (node.alsoReads ?? []).length > 0) return false;
    const inputs = floatsOf(node);
    if (inputs.length === 0 || !inputs.every((name) => this.#floats.has(name))) return false;
    if (role === 'carries') return this.#halves.has(node.inputs[0] ?? '');
    // Limits that are out of reach limit nothing.
    return role === 'computes' && (node.op === 'Clip' || inputs.every((name) => this.#survives(name)));
  }

  /** Whether a constant keeps its numbers. */
  #survives(name: string): boolean {
    const constant = this.#view.floats(name);
    if (!constant) return true;
    if (!this.#encoded.has(name)) this.#encoded.set(name, withoutLoss(constant.data));
    return this.#encoded.get(name) !== undefined;
  }

  #halve(node: OnnxNode): void {
    const { raw: _, ...rest } = node;
    const places = new Set(floatInputs(node.op, node.inputs.length));
    const inputs = node.inputs.map((name, at) => (name !== '' && places.has(at) ? this.#half(name) : name));
    this.#nodes.push({ ...rest, inputs, outputs: node.outputs.map(halfName) });
    for (const output of node.outputs) {
      this.#halves.set(output, halfName(output));
      this.#floats.add(output);
    }
  }

  #keep(node: OnnxNode, role: Role): void {
    for (const name of readsOf(node)) this.#whole(name);
    this.#nodes.push(node);
    const ofFloats = role !== 'other' && role !== 'unknown' && this.#floats.has(node.inputs[0] ?? '');
    const [first = ''] = node.outputs;
    for (const name of node.outputs) this.#present.add(name);
    if (ofFloats || (node.op === 'Cast' && node.attributes['to'] === ONNX_TYPES.float32)) this.#floats.add(first);
    if (role === 'unknown' || (role === 'computes' && ofFloats)) this.#kept.add(node.op);
  }

  /** The name of a float in float16, converted where it is there only in float32. */
  #half(name: string): string {
    const known = this.#halves.get(name);
    if (known) return known;
    const half = halfName(name);
    const constant = this.#view.floats(name);
    if (constant) {
      const data = this.#encoded.get(name) ?? encodeFloat16(constant.data);
      this.#tensors.push({ name: half, shape: constant.shape, type: 'float16', data });
    } else this.#cast(name, half, 'float16');
    this.#halves.set(name, half);
    return half;
  }

  /** Makes sure that a value is there under its own name, in the kind of number that it had. */
  #whole(name: string): void {
    const half = this.#halves.get(name);
    if (!half || this.#present.has(name)) return;
    this.#cast(half, name, 'float32');
    this.#present.add(name);
  }

  #cast(from: string, to: string, type: 'float16' | 'float32'): void {
    this.#nodes.push({ op: 'Cast', domain: '', inputs: [from], outputs: [to], attributes: { to: ONNX_TYPES[type] } });
  }
}

/** In float16; undefined where a number is beyond the largest half, or so small that too little is left. */
function withoutLoss(numbers: Float32Array): Uint16Array | undefined {
  const halves = encodeFloat16(numbers);
  let [lost, all] = [0, 0];
  for (let at = 0; at < numbers.length; at++) {
    const number = numbers[at] ?? 0;
    if (Math.abs(number) > FLOAT16_MAX) return undefined;
    lost += (float16Value(halves[at] ?? 0) - number) ** 2;
    all += number ** 2;
  }
  return lost <= all * MOST_LOST ** 2 ? halves : undefined;
}

function floatsOf({ op, inputs }: OnnxNode): readonly string[] {
  return floatInputs(op, inputs.length).flatMap((at) => inputs[at] || []);
}

function halfName(name: string): string {
  return `${name} in float16`;
}

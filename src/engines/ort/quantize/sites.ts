/** Which nodes of a fused graph compute in eight bits, and whose ranges must be known for it. */
import type { OnnxGraph, OnnxNode } from '../onnx-writer.ts';
import { floatAttribute, GraphView, integerAttribute, isOperator } from './graph-view.ts';

/** `activation` is a Relu or Clip that is done by the range of the 8-bit output: `output` is then its output. */
export type Site =
  | { readonly kind: 'conv' | 'add'; readonly node: OnnxNode; readonly activation?: OnnxNode; readonly output: string }
  | { readonly kind: 'dense' | 'carry' | 'concat'; readonly node: OnnxNode; readonly output: string };

export class Sites {
  readonly view: GraphView;
  readonly #sites = new Map<OnnxNode, Site>();
  /** Relu and Clip nodes that are done by the node before them. */
  readonly #done = new Set<OnnxNode>();

  constructor(graph: OnnxGraph) {
    this.view = new GraphView(graph);
    for (const node of graph.nodes) {
      const site = this.#siteOf(node);
      if (!site) continue;
      this.#sites.set(node, site);
      if ('activation' in site && site.activation) this.#done.add(site.activation);
    }
  }

  at(node: OnnxNode): Site | undefined {
    return this.#sites.get(node);
  }

  isDone(node: OnnxNode): boolean {
    return this.#done.has(node);
  }

  /** The values whose ranges decide the 8-bit graph, in the order of the nodes. */
  values(): readonly string[] {
    const names = new Set<string>();
    for (const site of this.#sites.values()) {
      for (const name of site.node.inputs) {
        if (this.#isActivation(name, site)) names.add(name);
      }
      if (site.kind !== 'dense') names.add(site.output);
    }
    return [...names];
  }

  /** The values that convolutions read, with how many channels they have: what is lost of the filters depends on their means. */
  filtered(): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    for (const { kind, node } of this.#sites.values()) {
      const [input = '', weights] = node.inputs;
      const perGroup = this.view.floats(weights)?.shape[1];
      if (kind === 'conv' && perGroup) found.set(input, perGroup * integerAttribute(node, 'group', 1));
    }
    return found;
  }

  /** Whether all that reads a value reads it in eight bits. */
  wanted(name: string): boolean {
    const readers = this.view.readers(name);
    if (this.view.isOutput(name) || readers.length === 0) return false;
    return readers.every((node) => {
      const site = this.#sites.get(node);
      if (!site || (node.alsoReads ?? []).includes(name)) return false;
      return site.kind === 'carry' ? this.wanted(site.output) : true;
    });
  }

  /** The value whose scale another one has: that of the node that computed it, before pools and reshapes. */
  root(name: string): string {
    const maker = this.view.maker(name);
    const site = maker && this.#sites.get(maker);
    return site?.kind === 'carry' ? this.root(site.node.inputs[0] ?? '') : name;
  }

  /** Whether a value is cut off at zero by the range of its 8-bit numbers. */
  isCut(root: string): boolean {
    const maker = this.view.maker(root);
    return maker !== undefined && this.#done.has(maker);
  }

  #isActivation(name: string, { kind }: Site): boolean {
    if (name === '' || this.view.constant(name)) return false;
    return kind === 'concat' || kind === 'add' || kind === 'carry' || this.view.readers(name).length > 0;
  }

  #siteOf(node: OnnxNode): Site | undefined {
    const [output = ''] = node.outputs;
    const { view } = this;
    const [x, weights] = node.inputs;
    if (view.constant(x)) return undefined;
    if (isOperator(node, 'Conv') && view.floats(weights)?.shape.length === 4 && biasKnown(node, view))
      return this.#activated('conv', node);
    if (isOperator(node, 'Gemm') && isPlainDense(node, view)) return { kind: 'dense', node, output };
    if (isOperator(node, 'Add') && !view.constant(weights)) return this.#activated('add', node);
    if (isOperator(node, 'Concat') && node.inputs.every((name) => !view.constant(name)))
      return { kind: 'concat', node, output };
    if (isOperator(node, 'MaxPool') && node.outputs.length === 1) return { kind: 'carry', node, output };
    if (isOperator(node, 'Transpose', 'Flatten')) return { kind: 'carry', node, output };
    if (isOperator(node, 'Reshape') && view.integers(weights)) return { kind: 'carry', node, output };
    return undefined;
  }

  #activated(kind: 'conv' | 'add', node: OnnxNode): Site {
    const [output = ''] = node.outputs;
    const next = this.view.onlyReader(output);
    if (!next || !cutsAtZero(next, this.view)) return { kind, node, output };
    return { kind, node, activation: next, output: next.outputs[0] ?? '' };
  }
}

/** Relu, or a Clip from 0 up: its output's range says all that it does. */
function cutsAtZero(node: OnnxNode, view: GraphView): boolean {
  if (isOperator(node, 'Relu')) return true;
  if (!isOperator(node, 'Clip')) return false;
  const [, least, most] = node.inputs;
  const high = most ? view.floats(most)?.data[0] : Number.POSITIVE_INFINITY;
  return view.floats(least)?.data[0] === 0 && high !== undefined && high > 0;
}

function biasKnown({ inputs }: OnnxNode, view: GraphView): boolean {
  return !inputs[2] || view.floats(inputs[2]) !== undefined;
}

function isPlainDense(node: OnnxNode, view: GraphView): boolean {
  return (
    view.floats(node.inputs[1])?.shape.length === 2 &&
    biasKnown(node, view) &&
    integerAttribute(node, 'transA', 0) === 0 &&
    floatAttribute(node, 'alpha', 1) === 1 &&
    floatAttribute(node, 'beta', 1) === 1 &&
    (!node.inputs[2] || view.floats(node.inputs[2])?.data.length === columnsOf(node, view))
  );
}

function columnsOf(node: OnnxNode, view: GraphView): number {
  return view.floats(node.inputs[1])?.shape[integerAttribute(node, 'transB', 0) ? 0 : 1] ?? 0;
}

/** Who reads what in a graph, and what is constant. */
import type { Attribute, OnnxGraph, OnnxNode, OnnxTensor } from '../onnx-writer.ts';

export class GraphView {
  readonly graph: OnnxGraph;
  readonly #constants: ReadonlyMap<string, OnnxTensor>;
  readonly #readers = new Map<string, OnnxNode[]>();
  readonly #makers = new Map<string, OnnxNode>();
  readonly #outputs: ReadonlySet<string>;

  constructor(graph: OnnxGraph) {
    this.graph = graph;
    this.#constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
    this.#outputs = new Set(graph.outputs.map(({ name }) => name));
    for (const node of graph.nodes) {
      for (const name of readsOf(node)) this.#readers.set(name, [...(this.#readers.get(name) ?? []), node]);
      for (const name of node.outputs) this.#makers.set(name, node);
    }
  }

  constant(name: string | undefined): OnnxTensor | undefined {
    return name === undefined ? undefined : this.#constants.get(name);
  }

  /** The numbers of a constant of floats. */
  floats(name: string | undefined): { readonly shape: readonly number[]; readonly data: Float32Array } | undefined {
    const tensor = this.constant(name);
    return tensor?.data instanceof Float32Array ? { shape: tensor.shape, data: tensor.data } : undefined;
  }

  /** The numbers of a constant list of integers. */
  integers(name: string | undefined): readonly number[] | undefined {
    const data = this.constant(name)?.data;
    return data instanceof BigInt64Array ? Array.from(data, Number) : undefined;
  }

  readers(name: string): readonly OnnxNode[] {
    return this.#readers.get(name) ?? [];
  }

  maker(name: string): OnnxNode | undefined {
    return this.#makers.get(name);
  }

  isOutput(name: string): boolean {
    return this.#outputs.has(name);
  }

  /** The one node that reads a value, where nobody else does. */
  onlyReader(name: string): OnnxNode | undefined {
    const readers = this.readers(name);
    return readers.length === 1 && !this.isOutput(name) ? readers[0] : undefined;
  }
}

/** The values that a node reads, each once. */
export function readsOf({ inputs, alsoReads = [] }: OnnxNode): readonly string[] {
  return [...new Set([...inputs, ...alsoReads])].filter((name) => name !== '');
}

/** Whether a node is this operator of the standard domain, its attributes understood. */
export function isOperator({ op, domain, attributes }: OnnxNode, ...names: readonly string[]): boolean {
  return domain === '' && names.includes(op) && attributes['unknown'] === undefined;
}

export function integerAttribute({ attributes }: OnnxNode, name: string, otherwise: number): number {
  const value = attributes[name];
  return typeof value === 'number' ? value : otherwise;
}

export function floatAttribute({ attributes }: OnnxNode, name: string, otherwise: number): number {
  const value: Attribute | undefined = attributes[name];
  return typeof value === 'object' && 'float' in value ? value.float : otherwise;
}

export function listAttribute({ attributes }: OnnxNode, name: string): readonly number[] | undefined {
  const value = attributes[name];
  return typeof value === 'object' && !('float' in value) ? value : undefined;
}

/** Tensors that nobody reads are left out. */
export function withoutUnread(graph: OnnxGraph): OnnxGraph {
  const read = new Set([...graph.nodes.flatMap(readsOf), ...graph.outputs.map(({ name }) => name)]);
  return { ...graph, initializers: graph.initializers.filter(({ name }) => read.has(name)) };
}

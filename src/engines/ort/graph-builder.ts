/** An ONNX graph being recorded: nodes in order, constants once. */
import { type Shape, sizeOf } from '../../networks/network.ts';
import type { Attribute, OnnxData, OnnxGraph, OnnxNode, OnnxTensor, OnnxType, OnnxValue } from './onnx-writer.ts';

/** Constants up to this many numbers are looked up, so that each stands in the graph once. */
const SHARED_CONSTANT = 64;

export class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: OnnxTensor[] = [];
  readonly #constants = new Map<string, string>();
  readonly inputs: OnnxValue[] = [];
  #count = 0;

  /** Records a node with one output and names it. */
  node(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.nodeOf(op, inputs, 1, attributes)[0] ?? '';
  }

  nodeOf(
    op: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): readonly string[] {
    const names = Array.from({ length: outputs }, () => `${op.toLowerCase()}_${this.#count++}`);
    this.#nodes.push({ op, inputs, outputs: names, attributes, domain: '' });
    return names;
  }

  /**
   * Gives the convolution that was recorded last, and whose output nobody has yet, a bias a channel.
   * @returns its new output, or undefined where `output` is another node's
   */
  biased(output: string, bias: () => string): string | undefined {
    const last = this.#nodes.at(-1);
    if (last?.op !== 'Conv' || last.outputs[0] !== output || last.inputs.length !== 2) return undefined;
    this.#nodes.pop();
    return this.node('Conv', [...last.inputs, bias()], last.attributes);
  }

  constant(data: OnnxData, shape: Shape, type: OnnxType): string {
    const key = data.length <= SHARED_CONSTANT ? `${type} ${shape} ${Array.from(data, String)}` : undefined;
    const known = key === undefined ? undefined : this.#constants.get(key);
    if (known) return known;
    const name = `constant_${this.#count++}`;
    this.#initializers.push({ name, shape, type, data });
    if (key !== undefined) this.#constants.set(key, name);
    return name;
  }

  /** A list of integers, as Reshape, Slice, Pad and ReduceSum take them. */
  integers(values: readonly number[]): string {
    return this.constant(BigInt64Array.from(values.map(BigInt)), [values.length], 'int64');
  }

  scalar(value: number): string {
    return this.constant(Float32Array.of(value), [], 'float32');
  }

  input(name: string, shape: Shape, type: OnnxType): string {
    this.inputs.push({ name, shape, type });
    return name;
  }

  /** The finished graph; a leading empty sequence among the outputs is what `no-copy.ts` explains. */
  finish(outputs: readonly OnnxValue[], emptySequence: boolean): OnnxGraph {
    const nodes = [...this.#nodes];
    const renamed = outputs.map((output) => output);
    if (emptySequence) {
      nodes.push({ op: 'SequenceEmpty', inputs: [], outputs: [EMPTY_SEQUENCE], attributes: {}, domain: '' });
      renamed.unshift({ name: EMPTY_SEQUENCE, shape: [], type: 'float32', sequence: true });
    }
    return { nodes, initializers: this.#initializers, inputs: this.inputs, outputs: renamed };
  }
}

export const EMPTY_SEQUENCE = 'empty_sequence';

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

export { sizeOf };

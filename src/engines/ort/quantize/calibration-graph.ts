/** A graph that gives, a row, the least and the largest number of every value that is to be quantised. */
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../onnx-writer.ts';
import type { Range } from './quantized-numbers.ts';
import { Sites } from './sites.ts';

export const CALIBRATION = 'ranges';

/** What a calibration finds out, in this order. */
export interface Calibrated {
  /** Values of which it gives the least and the largest number. */
  readonly values: readonly string[];
  /** Values of which it gives the mean of each channel, with how many there are. */
  readonly channels: ReadonlyMap<string, number>;
  /** Means in all. */
  readonly means: number;
}

function calibratedIn(graph: OnnxGraph): Calibrated {
  const sites = new Sites(graph);
  const channels = sites.filtered();
  return { values: sites.values(), channels, means: [...channels.values()].reduce((sum, count) => sum + count, 0) };
}

/** @returns the graph, whose one output is [rows, 2 · values + means]: all least numbers, all largest, and the means */
export function calibrationGraph(graph: OnnxGraph): Calibrated & { readonly graph: OnnxGraph } {
  const calibrated = calibratedIn(graph);
  const { values, channels, means } = calibrated;
  const nodes: OnnxNode[] = [...graph.nodes];
  const node = (op: string, inputs: readonly string[], output: string, attributes: OnnxNode['attributes'] = {}) =>
    nodes.push({ op, domain: '', inputs, outputs: [output], attributes });
  const axesAsInput = (graph.opset ?? 17) >= 18;
  const columns: string[][] = [[], [], []];
  const reduce = (column: number, op: string, value: string, axes: Axes, keepdims: number) => {
    const output = `${op} of ${value}`;
    if (axesAsInput) node(op, [value, axes.name], output, { keepdims });
    else node(op, [value], output, { axes: axes.axes, keepdims });
    columns[column]?.push(output);
  };
  values.forEach((value, i) => {
    const flat = `row ${i} of the calibration`;
    node('Reshape', [value, ROW], flat);
    reduce(0, 'ReduceMin', flat, ALONG_A_ROW, 1);
    reduce(1, 'ReduceMax', flat, ALONG_A_ROW, 1);
  });
  for (const value of channels.keys()) reduce(2, 'ReduceMean', value, OVER_PLACES, 0);
  node('Concat', columns.flat(), CALIBRATION, { axis: 1 });
  const integers = (name: string, numbers: readonly number[]): OnnxTensor => ({
    name,
    shape: [numbers.length],
    type: 'int64',
    data: BigInt64Array.from(numbers.map(BigInt)),
  });
  const axes = axesAsInput ? [ALONG_A_ROW, OVER_PLACES].map((one) => integers(one.name, one.axes)) : [];
  return {
    ...calibrated,
    graph: {
      ...graph,
      nodes,
      initializers: [...graph.initializers, integers(ROW, [0, -1]), ...axes],
      outputs: [{ name: CALIBRATION, shape: [-1, 2 * values.length + means], type: 'float32' }],
    },
  };
}

interface Axes {
  readonly name: string;
  readonly axes: readonly number[];
}

const ROW = 'a row each';
const ALONG_A_ROW: Axes = { name: 'along a row', axes: [1] };
const OVER_PLACES: Axes = { name: 'over height and width', axes: [2, 3] };

export interface Ranges {
  readonly values: ReadonlyMap<string, Range>;
  /** The mean of each channel, by the value that convolutions read. */
  readonly means: ReadonlyMap<string, Float32Array>;
}

/** What a calibration was folded to, by value. @throws when it is of another graph */
export function rangesOf(graph: OnnxGraph, found: Float32Array): Ranges {
  const { values, channels, means } = calibratedIn(graph);
  const count = values.length;
  if (found.length !== 2 * count + means)
    throw new Error(`${found.length} numbers of a calibration for ${2 * count + means}: they are of another network`);
  const byChannel = new Map<string, Float32Array>();
  let at = 2 * count;
  for (const [name, some] of channels) {
    byChannel.set(name, found.subarray(at, at + some));
    at += some;
  }
  const ends = values.map((name, i) => [name, { min: found[i] ?? 0, max: found[count + i] ?? 0 }] as const);
  return { values: new Map(ends), means: byChannel };
}

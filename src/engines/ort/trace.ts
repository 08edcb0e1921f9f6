/** From a program to an ONNX model: a forward pass, or the loss of a training step with its gradients. */
import '../../networks/gradients.ts';
import * as tf from '@tensorflow/tfjs-core';
import { type ForwardMode, forward, globalMaxPool, inference, type StatisticUpdates } from '../../networks/forward.ts';
import { crossEntropy, penalty } from '../../networks/loss.ts';
import type { Network, Shape, Weights } from '../../networks/network.ts';
import { registerConvolutionKernels } from './convolution-kernels.ts';
import { registerElementwiseKernels } from './elementwise-kernels.ts';
import { type OnnxGraph, writeModel } from './onnx-writer.ts';
import { registerPoolKernels } from './pool-kernels.ts';
import { trace } from './register-kernel.ts';
import { registerShapeKernels } from './shape-kernels.ts';
import { TRACE } from './trace-backend.ts';

/** The extent that stands for "any number of rows" while a forward pass is recorded: no layer has it by accident. */
const ANY_ROWS = 8191;

let ready: Promise<void> | undefined;

/** Makes the trace backend the current one of this thread. */
export function useTraceBackend(): Promise<void> {
  ready ??= (async () => {
    tf.registerBackend(TRACE, () => trace);
    registerElementwiseKernels();
    registerShapeKernels();
    registerConvolutionKernels();
    registerPoolKernels();
    await tf.setBackend(TRACE);
  })();
  return ready;
}

export interface ForwardModel {
  readonly bytes: Uint8Array;
  /** Shape of an output row. */
  readonly outputShape: Shape;
  readonly output: string;
}

/** Weights that are part of the model, or the shapes of weights that are fed at every run. */
export type ForwardWeights = { readonly constants: Weights } | { readonly shapes: ReadonlyMap<string, Shape> };

/** A frozen pass; input `x` is [batch, …network.input]. `softmax` is put on top of the layer. */
export function traceForward(
  network: Network,
  weights: ForwardWeights,
  layer: string,
  pooling: 'none' | 'average' | 'max',
  softmax = false,
): ForwardModel {
  const { graph, outputShape, output } = traceGraph(network, weights, layer, pooling, { input: 'x', softmax });
  return { bytes: writeModel(graph), outputShape, output };
}

export interface GraphNames {
  readonly input: string;
  /** The tracer's own name where none is given. */
  readonly output?: string;
  readonly softmax?: boolean;
}

/** The graph of a frozen pass. */
export function traceGraph(
  network: Network,
  weights: ForwardWeights,
  layer: string,
  pooling: 'none' | 'average' | 'max',
  { input, output, softmax = false }: GraphNames,
): { readonly graph: OnnxGraph; readonly outputShape: Shape; readonly output: string } {
  trace.begin(ANY_ROWS);
  return inScope(() => {
    trace.graph.input(input, [-1, ...network.input], 'float32');
    const x = symbol(input, [ANY_ROWS, ...network.input]);
    let y = forward(network, layer, x, weightReader(weights), inference);
    if (pooling !== 'none' && y.rank === 4) y = pooling === 'average' ? tf.mean(y, [1, 2]) : globalMaxPool(y);
    if (softmax) y = tf.softmax(y);
    const traced = trace.name(y);
    const name = output ?? traced;
    const shape = y.shape.slice(1);
    const graph = trace.graph.finish([{ name, shape: [-1, ...shape], type: 'float32' }], false);
    return { graph: name === traced ? graph : renamed(graph, traced, name), outputShape: shape, output: name };
  });
}

/** The graph with another name for one value. */
function renamed(graph: OnnxGraph, before: string, after: string): OnnxGraph {
  const swap = (names: readonly string[]) => names.map((name) => (name === before ? after : name));
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: swap(node.inputs), outputs: swap(node.outputs) }));
  return { ...graph, nodes };
}

export interface GradientModel {
  readonly bytes: Uint8Array;
  readonly loss: string;
  /** Output name of the gradient by weight name. */
  readonly gradients: ReadonlyMap<string, string>;
  /** Output name of the new moving statistic by weight name. */
  readonly statistics: ReadonlyMap<string, string>;
  /** Graph input of each dropout layer's mask, with its shape [rows, …]. */
  readonly masks: ReadonlyMap<string, Shape>;
}

export interface GradientProgram {
  readonly network: Network;
  /** Shapes of all weights by name, and which are trained. */
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly trained: ReadonlySet<string>;
  readonly frozen: ReadonlySet<string>;
  readonly classes: number;
  readonly rows: number;
  readonly emptySequence: boolean;
}

/** Inputs: `x`, `targets` [rows, classes], `sample-weights` [rows], every weight and every mask by name. */
export function traceGradients(program: GradientProgram): GradientModel {
  const { network, rows, classes, shapes, trained, frozen } = program;
  trace.begin(0);
  const input = (name: string, shape: Shape) => {
    trace.graph.input(name, shape, 'float32');
    return symbol(name, shape);
  };
  return inScope(() => {
    const x = input('x', [rows, ...network.input]);
    const targets = input('targets', [rows, classes]);
    const sampleWeights = input('sample-weights', [rows]);
    const weights = new Map([...shapes].map(([name, shape]) => [name, input(name, shape)]));
    const masks = new Map<string, Shape>();
    const statistics: StatisticUpdates = new Map();
    const weight = (name: string) => weights.get(name) ?? missing(name);
    const mode: ForwardMode = {
      training: true,
      frozen,
      mask(layer, shape) {
        masks.set(layer.name, shape);
        return input(`mask ${layer.name}`, shape);
      },
    };
    const names = [...trained];
    const last = network.layers.at(-1)?.name ?? '';
    const { value, grads } = tf.engine().gradients(
      () => {
        const logits = forward(network, last, x, weight, mode, statistics);
        for (const updated of statistics.values()) tf.keep(updated);
        const loss = crossEntropy(logits, targets, sampleWeights);
        const extra = penalty(network, weight);
        return extra ? tf.add(loss, extra) : loss;
      },
      names.map(weight),
      undefined,
      true,
    );
    const gradients = new Map(names.map((name, i) => [name, outputName(grads[i], shapes.get(name) ?? [])]));
    const moved = new Map([...statistics].map(([name, tensor]) => [name, trace.name(tensor)]));
    const loss = trace.name(value);
    const outputs = [
      { name: loss, shape: [], type: 'float32' as const },
      ...[...gradients].map(([name, output]) => ({
        name: output,
        shape: shapes.get(name) ?? [],
        type: 'float32' as const,
      })),
      ...[...moved].map(([name, output]) => ({
        name: output,
        shape: shapes.get(name) ?? [],
        type: 'float32' as const,
      })),
    ];
    for (const tensor of statistics.values()) tensor.dispose();
    return {
      bytes: writeModel(trace.graph.finish(outputs, program.emptySequence)),
      loss,
      gradients,
      statistics: moved,
      masks,
    };
  });
}

/** A weight that the loss does not depend on has no gradient: zeros, so that its optimizer state moves as Keras' would. */
function outputName(gradient: tf.Tensor | null | undefined, shape: Shape): string {
  const { graph } = trace;
  if (!gradient) return graph.node('Expand', [graph.scalar(0), graph.integers(shape)]);
  const { name, nchw } = trace.traced(gradient);
  // A gradient that is a constant or an input needs a node of its own to be an output.
  return name === undefined && nchw === undefined
    ? graph.node('Identity', [trace.name(gradient)])
    : trace.name(gradient);
}

/** `tf.tidy` for results that are no tensors. */
function inScope<T>(work: () => T): T {
  tf.engine().startScope();
  try {
    return work();
  } finally {
    tf.engine().endScope();
  }
}

function symbol(name: string, shape: Shape): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(trace.make(shape, { name }));
}

function weightReader(weights: ForwardWeights): (name: string) => tf.Tensor {
  const read = new Map<string, tf.Tensor>();
  const make = (name: string): tf.Tensor => {
    if ('constants' in weights) {
      const weight = weights.constants.get(name) ?? missing(name);
      return tf.engine().makeTensorFromTensorInfo(trace.make(weight.shape, { values: weight.data }));
    }
    const shape = weights.shapes.get(name) ?? missing(name);
    trace.graph.input(name, shape, 'float32');
    return symbol(name, shape);
  };
  return (name) => {
    const tensor = read.get(name) ?? make(name);
    read.set(name, tensor);
    return tensor;
  };
}

function missing(name: string): never {
  throw new Error(`there is no weight ${name}`);
}

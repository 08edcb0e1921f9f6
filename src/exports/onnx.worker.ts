/** Traces a network into an ONNX file, in a thread of its own: tracing takes over TensorFlow.js' backend. */
import { parentPort } from 'node:worker_threads';
import { writeModel } from '../engines/ort/onnx-writer.ts';
import { traceGraph, useTraceBackend } from '../engines/ort/trace.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import type { OnnxExport } from './onnx.ts';

parentPort?.once('message', async ({ network, weights, input, output, metadata, path }: OnnxExport) => {
  await useTraceBackend();
  const layer = network.layers.at(-1)?.name ?? '';
  const { graph } = traceGraph(network, { constants: weights }, layer, 'none', { input, output });
  writeFileAtomically(path, writeModel(graph, metadata), { flush: false });
  parentPort?.postMessage('written');
});

/** ONNX, by the tracer that makes the graphs of our own engine. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ok } from '../base/result.ts';
import { workerPath } from '../files/package-root.ts';
import type { Network, Weights } from '../networks/network.ts';
import type { ExportedModel, WriteExport } from './exported-model.ts';

const FILE = 'model.onnx';

/** What the worker is told. */
export interface OnnxExport {
  readonly network: Network;
  readonly weights: Weights;
  readonly input: string;
  readonly output: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly path: string;
}

export const writeOnnx: WriteExport = async ({ network, weights, input, output, about }, folder) => {
  const metadata = { ...imageMetadata({ network, about }), ...textsOf(about) };
  const asked: OnnxExport = { network, weights, input, output, metadata, path: join(folder, FILE) };
  const worker = new Worker(workerPath('onnx'));
  try {
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve()).once('error', reject);
      worker.postMessage(asked);
    });
  } finally {
    await worker.terminate();
  }
  return ok([FILE]);
};

function textsOf(about: ExportedModel['about']): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(about).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

/** The keys that the ONNX specification has for images (MetadataProps.md), of a network that takes bytes 0–255. */
function imageMetadata({ network, about }: Pick<ExportedModel, 'network' | 'about'>): Readonly<Record<string, string>> {
  if (about['reads'] !== 'pixels') return {};
  return {
    'Image.BitmapPixelFormat': network.input[2] === 1 ? 'Gray8' : 'Rgb8',
    'Image.ColorSpaceGamma': 'SRGB',
    'Image.NominalPixelRange': 'NominalRange_0_255',
  };
}

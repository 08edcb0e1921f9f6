// Parts of the source that have no place in the public API, bundled once for the cases that measure them by themselves.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './project.mjs';

const entry = `
export { StageRig } from './test/stage-rig.ts';
export { trainHead } from './src/stages/train-head/index.ts';
export { body as trainHeadBody } from './src/stages/train-head/run.ts';
export { digestOf } from './src/base/digest.ts';
export { DrawStream } from './src/base/philox.ts';
export { RowTable } from './src/data/row-table.ts';
export { npyHeader } from './src/files/npy.ts';
export { architectures } from './src/networks/architectures/index.ts';
export { cutNetwork } from './src/networks/cut.ts';
export { describeNetwork } from './src/networks/layers.ts';
export { randomWeights } from './src/networks/initializers.ts';
export { CalibrationFold } from './src/engines/calibration-fold.ts';
export { engineAdapters } from './src/engines/index.ts';
export { decodeNpy } from './src/files/npy.ts';
export { hasNvidiaDriver } from './src/engines/gpu-trouble.ts';
export { Forward } from './src/engines/ort/forward-session.ts';
export { useTraceBackend } from './src/engines/ort/trace.ts';
export { GraphBuilder } from './src/engines/ort/graph-builder.ts';
export { writeModel } from './src/engines/ort/onnx-writer.ts';
`;

let bundled;

/** @returns the exports above */
export function source() {
  bundled ??= bundle();
  return bundled;
}

async function bundle() {
  const { build } = await import('esbuild');
  const outfile = join(root, 'dist', '.build', 'bench-source.mjs');
  mkdirSync(dirname(outfile), { recursive: true });
  await build({
    stdin: { contents: entry, resolveDir: root, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node', 'sharp', 'h5wasm'],
    outfile,
    logLevel: 'error',
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
  });
  return import(pathToFileURL(outfile).href);
}

/** A network of ours with its weights drawn, cut at `layer` (its last one by default), and its floating-point operations an image. */
export async function drawnNetwork(name, { side = 224, alpha = 1, layer } = {}) {
  const { architectures, cutNetwork, describeNetwork, randomWeights } = await source();
  const architecture = architectures.find((found) => found.name === name);
  const whole = architecture.build({ height: side, width: side, channels: 3, top: false, classes: 1000, alpha });
  const network = layer ? taken(cutNetwork(whole, layer)) : whole;
  const weights = taken(randomWeights(network, 1));
  const program = { kind: 'network', network, weights, layer: network.layers.at(-1).name, pooling: 'none' };
  return { program, flops: taken(describeNetwork(network)).flops };
}

/** The value of a result; a failure is the bench's own. */
export function taken(result) {
  if (!result.ok) throw new Error(result.error.message ?? JSON.stringify(result.error));
  return result.value;
}

/** The layers format of TensorFlow.js: `model.json` with the architecture, and the weights in shards beside it. */
import { join } from 'node:path';
import { ok } from '../base/result.ts';
import { AtomicFile, writeFileAtomically } from '../files/atomic-file.ts';
import type { WriteExport } from './exported-model.ts';
import { sequentialConfig } from './keras-config.ts';
import { kerasLayers } from './keras-layers.ts';
import { weightAt } from './weight-at.ts';

const FILE = 'model.json';
/** What browsers like to cache, and what TensorFlow.js' own converter takes. */
const SHARD_BYTES = 4 * 2 ** 20;

export const writeTfjs: WriteExport = async ({ network, weights, input, about }, folder) => {
  const layers = kerasLayers(network, 'tfjs');
  if (!layers.ok) return layers;
  const tensors = layers.value.flatMap((layer) =>
    layer.weights.map(({ name, slot }) => ({ name: `${layer.name}/${name}`, ...weightAt(weights, slot) })),
  );
  const bytes = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
  const count = Math.max(1, Math.ceil(bytes / SHARD_BYTES));
  const paths = Array.from({ length: count }, (_, i) => `group1-shard${i + 1}of${count}.bin`);
  writeShards(
    folder,
    paths,
    tensors.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  );
  const model = {
    format: 'layers-model',
    generatedBy: 'pipe',
    convertedBy: null,
    modelTopology: {
      ...sequentialConfig(network, input, layers.value),
      keras_version: '2.15.0',
      backend: 'tensorflow',
    },
    weightsManifest: [
      { paths, weights: tensors.map(({ name, shape }) => ({ name, shape: [...shape], dtype: 'float32' })) },
    ],
    userDefinedMetadata: about,
  };
  writeFileAtomically(join(folder, FILE), JSON.stringify(model), { flush: false });
  return ok([FILE, ...paths]);
};

/** One stream of bytes, cut into shards of equal length; the last one may be shorter. */
function writeShards(folder: string, paths: readonly string[], parts: readonly Uint8Array[]): void {
  const [...names] = paths;
  let file = new AtomicFile(join(folder, names.shift() ?? ''), { flush: false });
  let room = SHARD_BYTES;
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      if (room === 0) {
        file.commit();
        file = new AtomicFile(join(folder, names.shift() ?? ''), { flush: false });
        room = SHARD_BYTES;
      }
      const piece = part.subarray(at, at + room);
      file.write(piece);
      room -= piece.length;
      at += piece.length;
    }
  }
  file.commit();
}

/** Keras 3's `.keras` file: a zip of the architecture, notes and an HDF5 file of the weights. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ok } from '../base/result.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import type { WriteExport } from './exported-model.ts';
import { H5Writer } from './h5-writer.ts';
import { keras3Config } from './keras-config.ts';
import { kerasLayers } from './keras-layers.ts';
import { weightAt } from './weight-at.ts';

const FILE = 'model.keras';
const WEIGHTS = 'model.weights.h5';
/** The earliest Keras 3: nothing newer is used. */
const KERAS_VERSION = '3.0.0';

export const writeKerasZip: WriteExport = async ({ network, weights, input, about }, folder) => {
  const layers = kerasLayers(network, 'keras-3');
  if (!layers.ok) return layers;
  const weightsPath = join(folder, WEIGHTS);
  await H5Writer.write(weightsPath, async (file) => {
    await file.group('layers');
    const taken = new Map<string, number>();
    for (const layer of layers.value) {
      // Keras looks for a layer by its class and how many of that came before it, not by its name.
      const base = snakeCase(layer.className);
      const before = taken.get(base) ?? 0;
      taken.set(base, before + 1);
      const group = `layers/${before === 0 ? base : `${base}_${before}`}`;
      await file.group(group);
      await file.group(`${group}/vars`);
      await file.attribute(`${group}/vars`, 'name', layer.name);
      for (const [i, { slot }] of layer.weights.entries()) {
        const { shape, data } = weightAt(weights, slot);
        await file.dataset(`${group}/vars`, String(i), shape, data);
      }
    }
    await file.group('vars');
    await file.attribute('vars', 'name', network.name);
  });
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const { zipSync } = await import('fflate');
  // Stored without compression, as Keras does it, and with one date, so that the same model gives the same bytes.
  const plain = { level: 0, mtime: new Date(1980, 0, 1) } as const;
  const zip = zipSync({
    'metadata.json': [json({ keras_version: KERAS_VERSION, date_saved: '1980-01-01@00:00:00', ...about }), plain],
    'config.json': [json(keras3Config(network, input, layers.value)), plain],
    [WEIGHTS]: [readFileSync(weightsPath), plain],
  });
  rmSync(weightsPath);
  writeFileAtomically(join(folder, FILE), zip, { flush: false });
  return ok([FILE]);
};

/** Keras' `to_snake_case`: `MaxPooling2D` becomes `max_pooling2d`. */
function snakeCase(name: string): string {
  return name
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

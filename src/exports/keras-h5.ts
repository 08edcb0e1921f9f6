/** Keras 2's HDF5 file, as `model.save('model.h5')` writes it; Keras 3 and tf_keras load it. */
import { join } from 'node:path';
import { ok } from '../base/result.ts';
import type { WriteExport } from './exported-model.ts';
import { H5Writer } from './h5-writer.ts';
import { sequentialConfig } from './keras-config.ts';
import { kerasLayers } from './keras-layers.ts';
import { weightAt } from './weight-at.ts';

const FILE = 'model.h5';
/** Of Keras 2, whose layout this is. */
const KERAS_VERSION = '2.15.0';

export const writeKerasH5: WriteExport = async ({ network, weights, input, about }, folder) => {
  const layers = kerasLayers(network, 'keras-2');
  if (!layers.ok) return layers;
  await H5Writer.write(join(folder, FILE), async (file) => {
    const config = sequentialConfig(network, input, layers.value);
    const versions = async (group: string) => {
      await file.attribute(group, 'backend', 'tensorflow');
      await file.attribute(group, 'keras_version', KERAS_VERSION);
    };
    await versions('/');
    await file.attribute('/', 'model_config', JSON.stringify(config));
    for (const [key, value] of Object.entries(about)) await file.attribute('/', key, JSON.stringify(value));
    await file.group('model_weights');
    await versions('model_weights');
    await file.attribute(
      'model_weights',
      'layer_names',
      layers.value.map(({ name }) => name),
    );
    for (const layer of layers.value) {
      const group = `model_weights/${layer.name}`;
      await file.group(group);
      if (layer.weights.length === 0) continue;
      const names = layer.weights.map(({ name }) => `${layer.name}/${name}:0`);
      await file.attribute(group, 'weight_names', names);
      await file.group(`${group}/${layer.name}`);
      for (const { name, slot } of layer.weights) {
        const { shape, data } = weightAt(weights, slot);
        await file.dataset(`${group}/${layer.name}`, `${name}:0`, shape, data);
      }
    }
  });
  return ok([FILE]);
};

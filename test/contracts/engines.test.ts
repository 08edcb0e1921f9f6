import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { eagerEngine } from '../../src/engines/eager/eager-engine.ts';
import { engineAdapters } from '../../src/engines/index.ts';
import { engineContract, value } from './engine-contract.ts';

const openReference = async () => {
  await tf.setBackend('cpu');
  return eagerEngine({ engine: 'tfjs-cpu', version: tf.version_core, device: 'cpu' });
};

engineContract('tfjs-cpu', openReference, openReference);
engineContract(
  'ort',
  async () => {
    const adapter = engineAdapters.find(({ id }) => id === 'ort');
    if (!adapter) throw new Error('no ort');
    return value(await adapter.open({ threads: 2, device: 'cpu' }));
  },
  openReference,
);

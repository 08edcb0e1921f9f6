import { existsSync, readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { eagerEngine } from '../../src/engines/eager/eager-engine.ts';
import type { Device, EngineId } from '../../src/engines/engine.ts';
import { engineAdapters } from '../../src/engines/index.ts';
import { engineContract, value } from './engine-contract.ts';

const openReference = async () => {
  await tf.setBackend('cpu');
  return eagerEngine({ engine: 'tfjs-cpu', version: tf.version_core, device: 'cpu' });
};

function opener(id: EngineId, device?: Device) {
  return async () => {
    const adapter = engineAdapters.find((candidate) => candidate.id === id);
    if (!adapter) throw new Error(`no ${id}`);
    return value(await adapter.open({ threads: 2, device }));
  };
}

engineContract('tfjs-cpu', openReference, openReference);
engineContract('ort', opener('ort', 'cpu'), openReference);
for (const id of ['tfjs-node', 'tfjs-node-gpu'] as const) {
  const found = await engineAdapters.find((adapter) => adapter.id === id)?.probe();
  engineContract(id, opener(id), openReference, found?.usable ? undefined : found?.reason);
}
const vulkan = process.env['VK_ICD_FILENAMES'];
engineContract(
  'ort on webgpu',
  opener('ort', 'webgpu'),
  openReference,
  vulkan !== undefined && existsSync(vulkan) && readFileSync(vulkan).length > 0
    ? undefined
    : 'VK_ICD_FILENAMES names no Vulkan driver',
);

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { eagerEngine } from '../../src/engines/eager/eager-engine.ts';
import type { Device, EngineId } from '../../src/engines/engine.ts';
import { engineAdapters } from '../../src/engines/index.ts';
import { engineContract, value } from './engine-contract.ts';
import { softwareVulkan } from './software-vulkan.ts';

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

engineContract('tfjs-cpu', openReference, openReference, { tensors: () => tf.memory().numTensors });
engineContract('ort', opener('ort', 'cpu'), openReference);
for (const id of ['tfjs-node', 'tfjs-node-gpu'] as const) {
  const found = await engineAdapters.find((adapter) => adapter.id === id)?.probe();
  engineContract(id, opener(id), openReference, {
    missing: found?.usable ? undefined : found?.reason,
  });
}

const vulkan = softwareVulkan();
// Its process is started with the variables of this one.
Object.assign(process.env, vulkan);
engineContract('ort on webgpu', opener('ort', 'webgpu'), openReference, {
  missing: vulkan ? undefined : "VK_ICD_FILENAMES names no Vulkan driver, and Debian's chromium is not there",
  slow: true,
});

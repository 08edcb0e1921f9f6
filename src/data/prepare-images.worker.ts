/** A thread that prepares one group of images after another, and hands the numbers over without a copy. */
import { parentPort } from 'node:worker_threads';
import { type ImageGroup, prepareImages } from './prepare-images.ts';

parentPort?.on('message', async (group: ImageGroup) => {
  const prepared = await prepareImages(group);
  parentPort?.postMessage(prepared, [prepared.input.buffer]);
});

/** TensorFlow.js on a native binding, in a process of its own. Its argument is the folder of the package to load. */
import { createRequire } from 'node:module';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { serveParent } from '../remote/serve-parent.ts';
import { eagerEngine } from './eager-engine.ts';
import { restoreRemoved } from './removed-functions.ts';

const [folder = ''] = process.argv.slice(2);
let loading: ReturnType<typeof load> | undefined;

serveParent({
  introduce: () => loaded(),
  async openForward(program) {
    const { version, device } = await loaded();
    const opened = await eagerEngine({ engine: 'tfjs-node', version, device }).openForward(program, 0);
    if (!opened.ok) throw new Error(opened.error.message);
    return opened.value;
  },
  async openTraining(program) {
    const { version, device } = await loaded();
    const opened = await eagerEngine({ engine: 'tfjs-node', version, device }).openTraining(program);
    if (!opened.ok) throw new Error(opened.error.message);
    return opened.value;
  },
});

function loaded() {
  loading ??= load();
  return loading;
}

/** The package registers its backend and kernels with the engine that every copy of TensorFlow.js in a process shares. */
async function load() {
  restoreRemoved(util);
  createRequire(import.meta.url)(folder);
  await tf.ready();
  const backend: object = tf.backend();
  const binding: unknown = Reflect.get(backend, 'binding');
  const library: unknown =
    typeof binding === 'object' && binding !== null ? Reflect.get(binding, 'TF_Version') : undefined;
  // One kernel, so that a device that only looks usable is found out now.
  const probe = tf.tidy(() => tf.matMul(tf.ones([2, 2]), tf.ones([2, 2])));
  await probe.data();
  probe.dispose();
  return {
    version: typeof library === 'string' ? `TensorFlow ${library}` : 'unknown',
    device: Reflect.get(backend, 'isUsingGpuDevice') === true ? ('cuda' as const) : ('cpu' as const),
  };
}

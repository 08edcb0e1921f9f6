/** ONNX Runtime in a thread, or, on devices whose drivers may take the process with them, in a process of its own. */
import { isMainThread, parentPort } from 'node:worker_threads';
import type { Served } from '../remote/serve.ts';
import { serveParent } from '../remote/serve-parent.ts';
import { serveThread } from '../remote/serve-thread.ts';
import { Float16Forward } from './float16/float16-forward.ts';
import { Forward } from './forward-session.ts';
import { runtimeVersion, tryDevice } from './runtime.ts';
import { useTraceBackend } from './trace.ts';
import { Training } from './training.ts';

const served: Served = {
  async introduce(device = 'cpu') {
    await tryDevice(device);
    return { version: runtimeVersion(), device };
  },
  async openForward(program, options) {
    await useTraceBackend();
    const half = program.arithmetic?.kind === 'float16';
    return half ? Float16Forward.open(program, options) : Forward.open(program, options);
  },
  async openTraining(program, trained, options) {
    await useTraceBackend();
    return Training.open(program, trained, options);
  },
};

if (isMainThread) serveParent(served);
else if (parentPort) serveThread(parentPort, served);

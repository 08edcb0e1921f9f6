// Copies an array that no cache holds, after all copiers are ready: its part of the memory bandwidth.
import { parentPort, workerData } from 'node:worker_threads';

const { barrier, copiers, bytes, times } = workerData;
const from = new Float64Array(bytes / 8).fill(1);
const to = new Float64Array(bytes / 8);
to.set(from);
const ready = new Int32Array(barrier);
if (Atomics.add(ready, 0, 1) === copiers - 1) {
  Atomics.store(ready, 1, 1);
  Atomics.notify(ready, 1);
} else Atomics.wait(ready, 1, 0);
const started = performance.now();
for (let i = 0; i < times; i++) to.set(from);
parentPort.postMessage({ seconds: (performance.now() - started) / 1000, last: to.at(-1) });

// What this machine could do at most, measured: multiply-adds a second and bytes a second; and the share of it that a figure attains.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { root } from './project.mjs';
import { source } from './source.mjs';

/** Rows and columns of the square matrices. */
const SIDE = 2048;
/** Bytes that each thread copies at a time: more than it has cache. */
const COPIED = 128 * 2 ** 20;

/**
 * The best of all samples, since other work on the machine only ever takes something away.
 * `fma`: GFLOP/s of multiply-adds on registers (a C loop; absent without a C compiler); `product`: GFLOP/s of ONNX Runtime's float32
 * product of two 2048² matrices, a lower bound of the same; `memory`: GB/s read and written by copying, one thread a core.
 */
export class Roof {
  #best = { fma: 0, product: 0, memory: 0 };
  #product;
  #loop;

  /** Measures once more, some three seconds. */
  async sample() {
    this.#product ??= await openProduct();
    this.#loop ??= compileLoop();
    for (let i = 0; i < 3; i++) {
      const product = await this.#product.gflops();
      const fma = this.#loop ? Math.max(...[1, 2, 3, 4].map(() => multiplyAdds(this.#loop))) : 0;
      const memory = await copyBandwidth();
      const { fma: most, product: largest, memory: widest } = this.#best;
      this.#best = { fma: Math.max(most, fma), product: Math.max(largest, product), memory: Math.max(widest, memory) };
    }
  }

  /** GFLOP/s and GB/s, and how they were found; undefined before a first sample. */
  get measured() {
    const { fma, product, memory } = this.#best;
    if (product === 0) return undefined;
    return { fma: fma || undefined, product, memory, peak: Math.max(fma, product) };
  }

  async close() {
    await this.#product?.close();
  }
}

async function openProduct() {
  const { GraphBuilder, writeModel } = await source();
  const ort = await import('onnxruntime-node');
  const graph = new GraphBuilder();
  const numbers = () => Float32Array.from({ length: SIDE * SIDE }, (_, i) => ((i * 7) % 13) / 13);
  graph.input('x', [SIDE, SIDE], 'float32');
  const y = graph.node('MatMul', ['x', graph.constant(numbers(), [SIDE, SIDE], 'float32')]);
  // A product of which little is copied back.
  const sum = graph.node('ReduceMax', [y], { keepdims: 0 });
  const model = writeModel(graph.finish([{ name: sum, shape: [], type: 'float32' }], false));
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: availableParallelism(),
    logSeverityLevel: 3,
  });
  const feeds = { x: new ort.Tensor('float32', numbers(), [SIDE, SIDE]) };
  await session.run(feeds);
  return {
    async gflops() {
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 5; i++) {
        const started = performance.now();
        await session.run(feeds);
        best = Math.min(best, (performance.now() - started) / 1000);
      }
      return (2 * SIDE ** 3) / best / 1e9;
    },
    close: () => session.release(),
  };
}

/** @returns the path of the compiled loop, or undefined where there is no C compiler */
function compileLoop() {
  const folder = join(root, 'dist', '.build');
  const path = join(folder, 'fma-peak');
  try {
    mkdirSync(folder, { recursive: true });
    const options = ['-O3', '-march=native', '-ffp-contract=fast', '-pthread', '-o', path];
    execFileSync(process.env.CC ?? 'cc', [...options, join(root, 'bench', 'fma-peak.c')], { stdio: 'ignore' });
    return path;
  } catch {
    return undefined;
  }
}

function multiplyAdds(loop) {
  return Number(execFileSync(loop, [String(availableParallelism())], { encoding: 'utf8' }));
}

async function copyBandwidth() {
  const copiers = availableParallelism();
  const times = 4;
  const barrier = new SharedArrayBuffer(8);
  const workerData = { barrier, copiers, bytes: COPIED, times };
  const seconds = await Promise.all(
    Array.from(
      { length: copiers },
      () =>
        new Promise((settle, fail) => {
          const worker = new Worker(new URL('./copy-worker.mjs', import.meta.url), { workerData });
          worker.once('message', (message) => settle(message.seconds));
          worker.once('error', fail);
        }),
    ),
  );
  return (2 * COPIED * times * copiers) / Math.max(...seconds) / 1e9;
}

/**
 * The rates of a figure, and their share of the roof.
 * @param row `peak` where it is not the processor's, `flops` and `bytes` of one unit of the figure (an image, a step); its unit begins with `ms` or `s`
 * @param roof what the processor could do, for figures of the processor
 */
export function rooflineOf({ figure, unit, flops, bytes, peak: own }, roof) {
  if (!figure || (flops === undefined && bytes === undefined)) return undefined;
  const peak = own ?? roof?.peak;
  const seconds = figure.median / (unit.startsWith('ms') ? 1000 : 1);
  const gflops = flops === undefined ? undefined : flops / seconds / 1e9;
  const gbytes = bytes === undefined ? undefined : bytes / seconds / 1e9;
  return {
    ...(gflops !== undefined && { gflops, ofPeak: peak && gflops / peak }),
    ...(gbytes !== undefined && { gbytes, ofMemory: roof && gbytes / roof.memory }),
  };
}

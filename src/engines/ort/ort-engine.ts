/** The default engine: TensorFlow.js programs recorded as ONNX graphs, run by ONNX Runtime in a worker thread. */
import { Worker } from 'node:worker_threads';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { workerPath } from '../../files/package-root.ts';
import { describeNetwork } from '../../networks/layers.ts';
import type { Weights } from '../../networks/network.ts';
import type {
  Engine,
  EngineOptions,
  ForwardProgram,
  ForwardSession,
  Producer,
  TrainProgram,
  TrainSession,
} from '../engine.ts';
import type { Answers, Call, Reply, Request } from './protocol.ts';

export async function openOrtEngine(options: EngineOptions, version: string): Promise<Result<Engine, Diagnostic>> {
  // ONNX Runtime would leave a device id in the home folder and report its use over the network. It reads this as it is loaded.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  const worker = new WorkerLine(workerPath('engine'));
  return ok(new OrtEngine(worker, options, { engine: 'ort', version, device: options.device }));
}

class OrtEngine implements Engine {
  readonly producer: Producer;
  readonly #worker: WorkerLine;
  readonly #options: EngineOptions;

  constructor(worker: WorkerLine, options: EngineOptions, producer: Producer) {
    this.#worker = worker;
    this.#options = options;
    this.producer = producer;
  }

  async openForward(program: ForwardProgram): Promise<Result<ForwardSession, Diagnostic>> {
    const opened = await this.#open({ do: 'open-forward', program, options: this.#options }, 'open-forward');
    if (!opened.ok) return opened;
    const { session, outputShape } = opened.value;
    const worker = this.#worker;
    return ok({
      outputShape,
      run: (input, rows) => worker.ask('forward', { do: 'forward', session, input, rows }, [input.buffer]),
      async close() {
        await worker.ask('close', { do: 'close', session });
      },
    });
  }

  async openTraining(program: TrainProgram): Promise<Result<TrainSession, Diagnostic>> {
    const described = describeNetwork(program.network);
    if (!described.ok) return described;
    const trained = new Set(
      described.value.slots
        .filter(({ trainable, layer }) => trainable && !program.frozen.includes(layer))
        .map(({ name }) => name),
    );
    const handedOver = program.handOver ? wholeBuffers(program.weights) : [];
    const request: Request = { do: 'open-training', program, trained, options: this.#options };
    const opened = await this.#open(request, 'open-training', handedOver);
    if (!opened.ok) return opened;
    const { session } = opened.value;
    const worker = this.#worker;
    return ok({
      step: (batch) => worker.ask('step', { do: 'step', session, batch }, [batch.input.buffer]),
      async predict(input, rows) {
        return (await worker.ask('predict', { do: 'predict', session, input, rows }, [input.buffer])).probabilities;
      },
      state: (only) => worker.ask('state', { do: 'state', session, ...(only && { only }) }),
      async restore(state) {
        await worker.ask('restore', { do: 'restore', session, state });
      },
      async close() {
        await worker.ask('close', { do: 'close', session });
      },
    });
  }

  close(): Promise<void> {
    return this.#worker.end();
  }

  async #open<K extends 'open-forward' | 'open-training'>(
    request: Request,
    kind: K,
    transfer: ArrayBuffer[] = [],
  ): Promise<Result<Answers[K], Diagnostic>> {
    try {
      return ok(await this.#worker.ask(kind, request, transfer));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return err(
        problem('E002', `the engine refuses the network: ${message}`, {
          help: 'run `pipe engines test`; a model file may use operators that this version does not have',
        }),
      );
    }
  }
}

/** Buffers that hold one weight and nothing else, and so can travel without a copy. */
function wholeBuffers(weights: Weights): ArrayBuffer[] {
  return [...weights.values()].flatMap(({ data }) => {
    const { buffer } = data;
    return buffer instanceof ArrayBuffer && buffer.byteLength === data.byteLength ? [buffer] : [];
  });
}

/** A worker that answers calls in order; its death fails every open call. */
class WorkerLine {
  readonly #worker: Worker;
  readonly #open = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  #calls = 0;
  #dead: Error | undefined;

  constructor(path: string) {
    this.#worker = new Worker(path, { stdout: false, stderr: false });
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#die(error));
    this.#worker.on('exit', (code) => this.#die(new Error(`the engine's thread ended with code ${code}`)));
    this.#worker.unref();
  }

  ask<K extends keyof Answers>(_kind: K, request: Request, transfer: ArrayBuffer[] = []): Promise<Answers[K]> {
    if (this.#dead) return Promise.reject(this.#dead);
    const id = ++this.#calls;
    const call: Call = { id, request };
    return new Promise<Answers[K]>((resolve, reject) => {
      this.#open.set(id, { resolve: (answer: Answers[K]) => resolve(answer), reject });
      this.#worker.ref();
      this.#worker.postMessage(call, transfer);
    });
  }

  async end(): Promise<void> {
    this.#dead ??= new Error('the engine is closed');
    await this.#worker.terminate();
  }

  #settle(reply: Reply): void {
    const waiting = this.#open.get(reply.id);
    this.#open.delete(reply.id);
    if (this.#open.size === 0) this.#worker.unref();
    if ('error' in reply) waiting?.reject(new Error(reply.error));
    else waiting?.resolve(reply.answer);
  }

  #die(error: Error): void {
    this.#dead ??= error;
    for (const { reject } of this.#open.values()) reject(this.#dead);
    this.#open.clear();
  }
}

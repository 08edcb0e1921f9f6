/** A line to an engine in a worker thread. Arrays travel by transfer, without a copy. */
import { Worker } from 'node:worker_threads';
import { type Line, LineDown, OpenCalls } from './line.ts';
import type { Answers, Reply, Request } from './protocol.ts';

export class ThreadLine implements Line {
  readonly #worker: Worker;
  readonly #calls: OpenCalls;
  #broken = false;
  #ending = false;

  constructor(path: string) {
    this.#worker = new Worker(path, { stdout: false, stderr: false });
    this.#calls = new OpenCalls((busy) => (busy ? this.#worker.ref() : this.#worker.unref()));
    this.#worker.on('message', (reply: Reply) => this.#calls.settle(reply));
    this.#worker.on('error', (error) => this.#die(error.message));
    this.#worker.on('exit', (code) => this.#die(`its thread ended with code ${code}`));
    this.#worker.unref();
  }

  get broken(): boolean {
    return this.#broken;
  }

  ask<K extends keyof Answers>(_kind: K, request: Request, transfer: ArrayBuffer[] = []): Promise<Answers[K]> {
    return this.#calls.ask<K>(request, (call) => this.#worker.postMessage(call, transfer));
  }

  async end(): Promise<void> {
    this.#ending = true;
    this.#calls.fail(new LineDown('the engine is closed'));
    await this.#worker.terminate();
  }

  #die(reason: string): void {
    this.#broken ||= !this.#ending;
    this.#calls.fail(new LineDown(reason));
  }
}

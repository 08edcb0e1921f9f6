/** A line to an engine in a worker thread. Arrays travel by transfer, without a copy. */
import { Worker } from 'node:worker_threads';
import { type Line, LineDown, OpenCalls } from './line.ts';
import { Outbox } from './outbox.ts';
import type { Answers, Call, Reply, Request } from './protocol.ts';

export class ThreadLine implements Line {
  readonly #worker: Worker;
  readonly #calls: OpenCalls;
  readonly #outbox = new Outbox<Call>((calls, transfer) => this.#worker.postMessage(calls, transfer));
  #broken = false;
  #ending = false;

  constructor(path: string) {
    this.#worker = new Worker(path, { stdout: false, stderr: false });
    this.#calls = new OpenCalls((busy) => (busy ? this.#worker.ref() : this.#worker.unref()));
    this.#worker.on('message', (replies: readonly Reply[]) => {
      for (const reply of replies) this.#calls.settle(reply);
    });
    this.#worker.on('error', (error) => this.#die(error.message));
    this.#worker.on('exit', (code) => this.#die(`its thread ended with code ${code}`));
    this.#worker.unref();
  }

  get broken(): boolean {
    return this.#broken;
  }

  ask<K extends keyof Answers>(_kind: K, request: Request, transfer: ArrayBuffer[] = []): Promise<Answers[K]> {
    return this.#calls.ask<K>(request, (call) => {
      // Whatever is asked before the event loop goes on leaves together.
      if (this.#outbox.count === 0) process.nextTick(() => this.#outbox.flush());
      this.#outbox.add(call, transfer);
    });
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

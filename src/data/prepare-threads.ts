/** Threads that prepare images: one a core, started when there is work for them, shared by everything that a process does. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import { workerPath } from '../files/package-root.ts';
import type { ImageGroup, PreparedImages } from './prepare-images.ts';

/** More of them would outrun any disk. */
const MOST = 16;

interface Job {
  readonly group: ImageGroup;
  resolve(prepared: Result<PreparedImages, Diagnostic>): void;
  reject(bug: Error): void;
}

export class PrepareThreads {
  readonly count: number;
  readonly #path: string;
  readonly #idle: Worker[] = [];
  readonly #waiting: Job[] = [];
  readonly #busy = new Map<Worker, Job>();

  /** @param path of the threads' program */
  constructor(count: number, path: string) {
    this.count = count;
    this.#path = path;
  }

  /** The group's numbers, once a thread was free for it. Groups are begun in the order they come in. */
  prepare(group: ImageGroup): Promise<Result<PreparedImages, Diagnostic>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ group, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    const job = this.#waiting[0];
    const worker = job && (this.#idle.pop() ?? (this.#busy.size < this.count ? this.#start() : undefined));
    if (!worker) return;
    this.#waiting.shift();
    this.#busy.set(worker, job);
    // A thread with work keeps Node alive, one without does not.
    worker.ref();
    const { into } = job.group;
    worker.postMessage(job.group, into ? [into.buffer] : []);
  }

  #start(): Worker {
    const worker = new Worker(this.#path);
    worker.on('message', (prepared: PreparedImages) => {
      worker.unref();
      this.#idle.push(worker);
      this.#settle(worker, ({ resolve }) => resolve(ok(prepared)));
    });
    worker.on('error', (error: Error & { readonly code?: string }) =>
      this.#settle(worker, ({ group, resolve, reject }) =>
        error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? resolve(err(threadEnded(group, error.message))) : reject(error),
      ),
    );
    worker.on('exit', (code) => {
      const place = this.#idle.indexOf(worker);
      if (place >= 0) this.#idle.splice(place, 1);
      this.#settle(worker, ({ group, resolve }) => resolve(err(threadEnded(group, `it ended with code ${code}`))));
    });
    return worker;
  }

  #settle(worker: Worker, end: (job: Job) => void): void {
    const job = this.#busy.get(worker);
    this.#busy.delete(worker);
    if (job) end(job);
    this.#next();
  }
}

function threadEnded({ images }: ImageGroup, reason: string): Diagnostic {
  const [first] = images;
  const where = typeof first?.from === 'string' ? ` at ${first.from}` : '';
  return problem('I005', `a thread that prepares images broke down${where}: ${reason}`, {
    help: 'run again, what was finished is kept; if it breaks at the same place, leave those images out',
  });
}

let shared: PrepareThreads | undefined;

/** The threads of this process. */
export function prepareThreads(): PrepareThreads {
  shared ??= new PrepareThreads(Math.min(MOST, availableParallelism()), workerPath('prepare-images'));
  return shared;
}

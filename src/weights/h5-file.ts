/** An HDF5 file of Keras, open in a worker thread that is ended when it crashes or does not answer in time. */
import { Worker } from 'node:worker_threads';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import { workerPath } from '../files/package-root.ts';
import { type H5Contents, type H5Fault, type H5Reply, type H5Request, isH5Reply } from './h5-protocol.ts';

/** Time for one answer: opening, or reading one weight (at most 411 MB in VGG). */
const TIME_LIMIT_MS = 30_000;

const CODES = { damaged: 'M007', unsafe: 'M009', unsupported: 'M010' } as const satisfies Record<H5Fault, string>;

export class H5File {
  readonly contents: H5Contents;
  readonly #reader: Reader;

  constructor(contents: H5Contents, reader: Reader) {
    this.contents = contents;
    this.#reader = reader;
  }

  /** All numbers of a dataset, as float32. */
  async read(path: string): Promise<Result<Float32Array<ArrayBuffer>, Diagnostic>> {
    const reply = await this.#reader.ask({ type: 'read', path });
    if (!reply.ok) return reply;
    if (reply.value.type !== 'numbers') throw new Error('the HDF5 worker gave the wrong answer');
    return ok(reply.value.numbers);
  }

  async close(): Promise<void> {
    await this.#reader.end();
  }
}

/** Opens a file and lists what it holds; no number is read yet. */
export async function openH5(
  path: string,
  shownAs = path,
  timeLimitMs = TIME_LIMIT_MS,
): Promise<Result<H5File, Diagnostic>> {
  const reader = new Reader(shownAs, timeLimitMs);
  const reply = await reader.ask({ type: 'open', path });
  if (!reply.ok) {
    await reader.end();
    return reply;
  }
  if (reply.value.type !== 'opened') throw new Error('the HDF5 worker gave the wrong answer');
  return ok(new H5File(reply.value.contents, reader));
}

/** The worker, one question at a time. */
class Reader {
  readonly #worker = new Worker(workerPath('h5'));
  readonly #shownAs: string;
  readonly #timeLimitMs: number;

  constructor(shownAs: string, timeLimitMs: number) {
    this.#shownAs = shownAs;
    this.#timeLimitMs = timeLimitMs;
    // A crash between two questions is seen at the next one.
    this.#worker.on('error', () => {});
  }

  async ask(request: H5Request): Promise<Result<H5Reply, Diagnostic>> {
    const outcome = await this.#answer(request);
    if (typeof outcome === 'string') {
      await this.end();
      return err(
        problem('M012', `${this.#shownAs} ${outcome}`, {
          help: 'the file is damaged or made to do harm; fetch it again from where it was published',
        }),
      );
    }
    if (outcome.type !== 'fault') return ok(outcome);
    return err(problem(CODES[outcome.fault], `${this.#shownAs} ${outcome.message}`));
  }

  #answer(request: H5Request): Promise<H5Reply | string> {
    const worker = this.#worker;
    return new Promise((resolve) => {
      const settle = (outcome: H5Reply | string) => {
        clearTimeout(timer);
        worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        resolve(outcome);
      };
      const onMessage = (message: unknown) =>
        settle(isH5Reply(message) ? message : 'made its reader give a wrong answer');
      const onError = (error: unknown) =>
        settle(`made its reader crash (${error instanceof Error ? error.message.split('\n')[0] : String(error)})`);
      const onExit = () => settle('made its reader crash');
      const timer = setTimeout(() => settle(`was not read within ${this.#timeLimitMs / 1000} s`), this.#timeLimitMs);
      worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      worker.postMessage(request);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

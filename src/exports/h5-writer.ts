/** An HDF5 file being written, by a worker thread. */
import { Worker } from 'node:worker_threads';
import { workerPath } from '../files/package-root.ts';
import { CacheWriteError } from '../files/write-error.ts';
import { type H5WriteRequest, isH5WriteReply } from './h5-writer-protocol.ts';

export class H5Writer {
  readonly #worker = new Worker(workerPath('h5-writer'));
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Writes a file by what `fill` asks for, one request after another. */
  static async write(path: string, fill: (writer: H5Writer) => Promise<void>): Promise<void> {
    const writer = new H5Writer(path);
    try {
      await writer.#ask({ type: 'create', path });
      await fill(writer);
      await writer.#ask({ type: 'close' });
    } finally {
      await writer.#worker.terminate();
    }
  }

  /** Groups above it must be there. */
  group(path: string): Promise<void> {
    return this.#ask({ type: 'group', path });
  }

  attribute(group: string, name: string, value: string | readonly string[]): Promise<void> {
    return this.#ask({ type: 'attribute', group, name, value });
  }

  /** Little-endian float32. */
  dataset(group: string, name: string, shape: readonly number[], numbers: Float32Array): Promise<void> {
    // A copy of its own, since a view would take its whole buffer along.
    return this.#ask({ type: 'dataset', group, name, shape, numbers: numbers.slice() });
  }

  #ask(request: H5WriteRequest): Promise<void> {
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => settle(() => reject(error));
      const settle = (end: () => void) => {
        worker.off('message', onMessage).off('error', fail).off('exit', onExit);
        end();
      };
      const onExit = () => fail(new Error('the HDF5 writer ended'));
      const onMessage = (message: unknown) => {
        if (!isH5WriteReply(message)) fail(new Error('the HDF5 writer gave a wrong answer'));
        else if (message.ok) settle(resolve);
        else fail(new CacheWriteError(this.#path, message.message, undefined));
      };
      worker.on('message', onMessage).on('error', fail).on('exit', onExit);
      const transfer = request.type === 'dataset' ? [request.numbers.buffer] : [];
      worker.postMessage(
        request,
        transfer.filter((buffer) => buffer instanceof ArrayBuffer),
      );
    });
  }
}

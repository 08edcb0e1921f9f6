/** A line to an engine in a child process, whose native crash leaves this process alone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { FrameReader, frame } from './frames.ts';
import { type Line, LineDown, OpenCalls } from './line.ts';
import type { Answers, Reply, Request } from './protocol.ts';

/** Characters of the child's error output that are kept for the message about its end. */
const KEPT = 16_384;

export interface ChildSettings {
  /** Built entry point. */
  readonly path: string;
  readonly arguments: readonly string[];
  /** Variables beside those of this process. */
  readonly environment: Readonly<Record<string, string>>;
}

export class ChildLine implements Line {
  readonly #child: ChildProcess;
  readonly #stream: Duplex;
  readonly #calls: OpenCalls;
  readonly #gone: Promise<void>;
  #said = '';
  #broken = false;
  #ending = false;

  constructor({ path, arguments: given, environment }: ChildSettings) {
    this.#child = spawn(process.execPath, [path, ...given], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
      windowsHide: true,
    });
    const stream = this.#child.stdio[3];
    if (!(stream instanceof Duplex)) throw new Error('a child process without its channel');
    this.#stream = stream;
    this.#calls = new OpenCalls((busy) => this.#hold(busy));
    const reader = new FrameReader((value) => {
      if (isReply(value)) this.#calls.settle(value);
    });
    stream.on('data', (chunk: Uint8Array) => reader.push(chunk));
    // A write to a child that is gone: its `close` tells why.
    stream.on('error', () => {});
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-KEPT);
    });
    this.#child.on('error', (error) => this.#die(error.message));
    // Unlike `exit`, `close` comes after the last of the error output.
    this.#gone = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        this.#die(signal ? `its process ended by ${signal}` : `its process ended with code ${code}`);
        resolve();
      });
    });
    this.#hold(false);
  }

  get broken(): boolean {
    return this.#broken;
  }

  /** The end of what the child has written to its error output. */
  get said(): string {
    return this.#said;
  }

  /** Nothing is transferred: the arrays must stay as they are until the reply. */
  ask<K extends keyof Answers>(_kind: K, request: Request): Promise<Answers[K]> {
    return this.#calls.ask<K>(request, (call) => {
      for (const piece of frame(call)) this.#stream.write(piece);
    });
  }

  async end(): Promise<void> {
    this.#ending = true;
    this.#calls.fail(new LineDown('the engine is closed'));
    this.#hold(true);
    this.#child.kill('SIGKILL');
    await this.#gone;
  }

  #die(reason: string): void {
    this.#broken ||= !this.#ending;
    this.#calls.fail(new LineDown(reason));
  }

  /** A child that has nothing to do does not keep this process alive. */
  #hold(busy: boolean): void {
    for (const held of [this.#child, this.#stream, this.#child.stderr]) {
      const method: unknown = held && Reflect.get(held, busy ? 'ref' : 'unref');
      if (typeof method === 'function') Reflect.apply(method, held, []);
    }
  }
}

function isReply(value: unknown): value is Reply {
  return typeof value === 'object' && value !== null && 'id' in value && ('answer' in value || 'error' in value);
}

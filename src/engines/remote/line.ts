/** A line to an engine in a thread or process of its own: calls go out in order, each with one reply. */
import type { Answers, Call, Reply, Request } from './protocol.ts';

export interface Line {
  /** Rejects with `Refusal` where the engine says no, with `LineDown` where it is gone. */
  ask<K extends keyof Answers>(kind: K, request: Request, transfer?: ArrayBuffer[]): Promise<Answers[K]>;
  /** Whether the other end is gone without having been told to. */
  readonly broken: boolean;
  end(): Promise<void>;
}

/** The engine's own word that it cannot do what it was asked. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** The input of a forward pass, which may have been handed over. */
  readonly input: Float32Array<ArrayBuffer> | undefined;

  constructor(message: string, input?: Float32Array<ArrayBuffer>) {
    super(message);
    this.input = input;
  }
}

/** The thread or process ended with calls open. */
export class LineDown extends Error {
  override readonly name = 'LineDown';
}

/** The calls that wait for their replies. */
export class OpenCalls {
  readonly #open = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  readonly #onBusy: (busy: boolean) => void;
  #calls = 0;
  #down: Error | undefined;

  /** @param onBusy told when the first call goes out and when the last reply is in: a line with no calls must not keep Node alive */
  constructor(onBusy: (busy: boolean) => void) {
    this.#onBusy = onBusy;
  }

  ask<K extends keyof Answers>(request: Request, send: (call: Call) => void): Promise<Answers[K]> {
    if (this.#down) return Promise.reject(this.#down);
    const id = ++this.#calls;
    return new Promise<Answers[K]>((resolve, reject) => {
      this.#open.set(id, { resolve: (answer: Answers[K]) => resolve(answer), reject });
      this.#onBusy(true);
      send({ id, request });
    });
  }

  settle(reply: Reply): void {
    const waiting = this.#open.get(reply.id);
    this.#open.delete(reply.id);
    if (this.#open.size === 0) this.#onBusy(false);
    if ('error' in reply) waiting?.reject(new Refusal(reply.error, reply.input));
    else waiting?.resolve(reply.answer);
  }

  /** Fails every open call and all that come. The first word on why counts. */
  fail(error: Error): void {
    this.#down ??= error;
    for (const { reject } of this.#open.values()) reject(this.#down);
    this.#open.clear();
  }
}

/** The other end of a line: sessions by number, requests one after another in the order in which they came. */
import type { Device, ForwardProgram, Piece, StepResult, TrainBatch, TrainProgram, TrainState } from '../engine.ts';
import type { SessionInput } from '../session-input.ts';
import type { Answer, Call, Introduction, Reply, Request, SentInput, SessionOptions } from './protocol.ts';

type Awaitable<T> = T | Promise<T>;

/** A forward session as its own thread or process sees it. */
export interface ServedForward {
  readonly outputShape: readonly number[];
  /** Operators that compute in float32 though the network was to compute otherwise. */
  readonly kept?: readonly string[];
  /** How many of the last numbers of a row are means: of a calibration. */
  readonly means?: number | undefined;
  run(input: Float32Array<ArrayBuffer>, rows: number): Promise<Float32Array<ArrayBuffer>>;
  close(): Promise<void>;
}

export interface ServedTraining {
  step(batch: TrainBatch): Promise<StepResult>;
  predict(input: SessionInput): Promise<Float32Array<ArrayBuffer>>;
  state(only?: readonly string[], piece?: Piece): Awaitable<TrainState>;
  restore(state: TrainState): Awaitable<void>;
  close(): Promise<void>;
}

export interface Served {
  /** Loads the library and tries the device. */
  introduce(device: Device | undefined): Promise<Introduction>;
  openForward(program: ForwardProgram, options: SessionOptions): Promise<ServedForward>;
  openTraining(program: TrainProgram, trained: ReadonlySet<string>, options: SessionOptions): Promise<ServedTraining>;
}

/** How replies leave. */
export interface Sender {
  /** Whether arrays move instead of being copied: then inputs are sent back for reuse. */
  readonly transfers: boolean;
  send(reply: Reply, transfer: ArrayBuffer[]): void;
}

/** @returns what takes each call */
export function serve(served: Served, sender: Sender): (call: Call) => void {
  const sessions = new Sessions();
  let queue: Promise<void> = Promise.resolve();
  return ({ id, request }) => {
    queue = queue.then(async () => {
      try {
        const { answer, transfer } = await answerTo(request, served, sessions, sender.transfers);
        sender.send({ id, answer }, transfer);
      } catch (error) {
        const refused: Reply = { id, error: error instanceof Error ? error.message : String(error) };
        if (request.do === 'forward' && sender.transfers)
          sender.send({ ...refused, input: request.input }, [request.input.buffer]);
        else sender.send(refused, []);
      }
    });
  };
}

interface Answered {
  readonly answer: Answer;
  readonly transfer: ArrayBuffer[];
}

async function answerTo(request: Request, served: Served, sessions: Sessions, transfers: boolean): Promise<Answered> {
  switch (request.do) {
    case 'introduce':
      return { answer: await served.introduce(request.device), transfer: [] };
    case 'open-forward': {
      const session = await served.openForward(request.program, request.options);
      const { outputShape, kept, means } = session;
      const more = { ...(kept && { kept }), ...(means !== undefined && { means }) };
      return { answer: { session: sessions.keepForward(session), outputShape, ...more }, transfer: [] };
    }
    case 'open-training': {
      const session = await served.openTraining(request.program, request.trained, request.options);
      return { answer: { session: sessions.keepTraining(session) }, transfer: [] };
    }
    case 'forward': {
      const { input } = request;
      const output = await sessions.forward(request.session).run(input, request.rows);
      return transfers
        ? { answer: { output, input }, transfer: [output.buffer, input.buffer] }
        : { answer: { output }, transfer: [] };
    }
    case 'step': {
      const input = sessions.input(request.input);
      const { loss } = await sessions.training(request.session).step({ ...request.batch, input });
      return transfers && request.input.shared === undefined
        ? { answer: { loss, input }, transfer: [input.buffer] }
        : { answer: { loss }, transfer: [] };
    }
    case 'predict': {
      const input = sessions.input(request.input);
      const probabilities = await sessions.training(request.session).predict({ input, ...request.rows });
      return { answer: { probabilities }, transfer: [probabilities.buffer] };
    }
    case 'forget': {
      const numbers = sessions.forget(request.shared);
      return numbers && transfers ? { answer: { numbers }, transfer: [numbers.buffer] } : { answer: {}, transfer: [] };
    }
    case 'state': {
      const state = await sessions.training(request.session).state(request.only, request.piece);
      const buffers = [...state.weights.values(), ...state.slots.values()].flatMap(({ data }) =>
        data.buffer instanceof ArrayBuffer ? [data.buffer] : [],
      );
      return { answer: state, transfer: buffers };
    }
    case 'restore':
      await sessions.training(request.session).restore(request.state);
      return { answer: null, transfer: [] };
    case 'close':
      await sessions.close(request.session);
      return { answer: null, transfer: [] };
  }
}

class Sessions {
  readonly #forwards = new Map<number, ServedForward>();
  readonly #trainings = new Map<number, ServedTraining>();
  /** Inputs that several sessions read. */
  readonly #shared = new Map<number, Float32Array<ArrayBuffer>>();
  #opened = 0;

  keepForward(session: ServedForward): number {
    this.#forwards.set(++this.#opened, session);
    return this.#opened;
  }

  keepTraining(session: ServedTraining): number {
    this.#trainings.set(++this.#opened, session);
    return this.#opened;
  }

  forward(id: number): ServedForward {
    const session = this.#forwards.get(id);
    if (!session) throw new Error(`no forward session ${id}`);
    return session;
  }

  training(id: number): ServedTraining {
    const session = this.#trainings.get(id);
    if (!session) throw new Error(`no training session ${id}`);
    return session;
  }

  input({ numbers, shared }: SentInput): Float32Array<ArrayBuffer> {
    const found = numbers ?? (shared === undefined ? undefined : this.#shared.get(shared));
    if (!found) throw new Error(`no input ${shared}`);
    if (shared !== undefined) this.#shared.set(shared, found);
    return found;
  }

  forget(shared: number): Float32Array<ArrayBuffer> | undefined {
    const numbers = this.#shared.get(shared);
    this.#shared.delete(shared);
    return numbers;
  }

  async close(id: number): Promise<void> {
    const session = this.#forwards.get(id) ?? this.#trainings.get(id);
    this.#forwards.delete(id);
    this.#trainings.delete(id);
    await session?.close();
  }
}

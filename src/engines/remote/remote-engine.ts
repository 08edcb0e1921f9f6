/** An engine at the other end of a line. */
import { type Diagnostic, problem, warning } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { describeNetwork } from '../../networks/layers.ts';
import { sizeOf, type Weights } from '../../networks/network.ts';
import { arithmeticRefused, staysInFloat } from '../arithmetic-refused.ts';
import type { Engine, ForwardProgram, ForwardSession, Producer, TrainProgram, TrainSession } from '../engine.ts';
import { EngineFault, isOutOfMemory } from '../engine-fault.ts';
import { float16Trouble } from '../float16-trouble.ts';
import { type Line, LineDown, Refusal } from './line.ts';
import type { Answers, Request, SentInput, SessionOptions } from './protocol.ts';
import { SentInputs } from './sent-inputs.ts';

export interface RemoteSettings {
  readonly producer: Producer;
  readonly options: SessionOptions;
  readonly warn: (diagnostic: Diagnostic) => void;
  /** The end of what the engine's library has said of late, for the message about its breakdown. */
  readonly said?: () => string;
}

export class RemoteEngine implements Engine {
  readonly producer: Producer;
  readonly #line: Line;
  readonly #settings: RemoteSettings;
  readonly #inputs = new SentInputs((shared) => this.#line.ask('forget', { do: 'forget', shared }));

  constructor(line: Line, settings: RemoteSettings) {
    this.producer = settings.producer;
    this.#line = line;
    this.#settings = settings;
  }

  get broken(): boolean {
    return this.#line.broken;
  }

  async openForward(program: ForwardProgram): Promise<Result<ForwardSession, Diagnostic>> {
    const { options } = this.#settings;
    const { arithmetic } = program;
    const refused = arithmetic && arithmeticRefused(arithmetic, this.producer);
    if (refused) return err(refused);
    const opened = await this.#open({ do: 'open-forward', program, options }, 'open-forward');
    if (!opened.ok) return opened;
    const { session, outputShape, means, kept = [] } = opened.value;
    if (arithmetic && kept.length > 0) this.#settings.warn(staysInFloat(kept, arithmetic));
    const width = sizeOf(program.kind === 'network' ? program.network.input : program.input.shape);
    const run: Run = async (input, rows, giveBack) => {
      const answer = await this.#ask('forward', { do: 'forward', session, input, rows }, [input.buffer]).catch(
        (error: unknown): never => {
          const trouble = error instanceof Refusal ? float16Trouble(error.message, this.producer) : undefined;
          throw trouble ? new EngineFault(trouble) : error;
        },
      );
      giveBack?.(answer.input ?? input);
      return answer.output;
    };
    return ok({
      outputShape,
      ...(means !== undefined && { means }),
      run: halving(run, { width, outputs: sizeOf(outputShape), producer: this.producer, warn: this.#settings.warn }),
      close: () => this.#closeSession(session),
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
    const request: Request = { do: 'open-training', program, trained, options: this.#settings.options };
    const opened = await this.#open(request, 'open-training', handedOver);
    if (!opened.ok) return opened;
    const { session } = opened.value;
    const refused = (error: unknown): never => {
      if (!(error instanceof Refusal) || !isOutOfMemory(error.message)) throw error;
      const smaller = Math.max(1, program.batch >> 1);
      throw new EngineFault(
        problem('E008', `${named(this.producer)} ran out of memory training with batches of ${program.batch}`, {
          help: `set \`batch: ${smaller}\`, or freeze more layers; the batch is part of the training, so it is not changed by itself`,
        }),
      );
    };
    return ok({
      step: async ({ input, shared, ...batch }) => {
        const sent = this.#inputs.send(input, shared);
        const stepped = this.#ask('step', { do: 'step', session, batch, input: sent }, transferOf(sent));
        return { input, ...(await stepped.catch(refused)) };
      },
      predict: async ({ input, shared, ...rows }) => {
        const sent = this.#inputs.send(input, shared);
        const predicted = this.#ask('predict', { do: 'predict', session, input: sent, rows }, transferOf(sent));
        return (await predicted.catch(refused)).probabilities;
      },
      state: (only, piece) =>
        this.#ask('state', { do: 'state', session, ...(only && { only }), ...(piece && { piece }) }),
      restore: async (state) => {
        await this.#ask('restore', { do: 'restore', session, state });
      },
      close: () => this.#closeSession(session),
    });
  }

  close(): Promise<void> {
    return this.#line.end();
  }

  async #open<K extends 'open-forward' | 'open-training'>(
    request: Request,
    kind: K,
    transfer: ArrayBuffer[] = [],
  ): Promise<Result<Answers[K], Diagnostic>> {
    try {
      return ok(await this.#ask(kind, request, transfer));
    } catch (error) {
      if (error instanceof EngineFault) return err(error.diagnostic);
      const message = error instanceof Error ? error.message : String(error);
      const trouble = float16Trouble(message, this.producer);
      if (trouble) return err(trouble);
      if (isOutOfMemory(message))
        return err(
          problem('E008', `${named(this.producer)} has not the memory to hold the network: ${firstLine(message)}`, {
            help: 'close other programs that use the device, or run with --device cpu',
          }),
        );
      return err(
        problem('E002', `the engine refuses the network: ${message}`, {
          help: 'run `pipe engines test`; a model file may use operators that this version does not have',
        }),
      );
    }
  }

  async #ask<K extends keyof Answers>(kind: K, request: Request, transfer?: ArrayBuffer[]): Promise<Answers[K]> {
    try {
      return await this.#line.ask(kind, request, transfer);
    } catch (error) {
      throw error instanceof LineDown ? this.#breakdown(error) : error;
    }
  }

  /** A session of an engine that is gone is closed. */
  async #closeSession(session: number): Promise<void> {
    if (!this.#line.broken) await this.#ask('close', { do: 'close', session });
  }

  #breakdown(error: LineDown): EngineFault {
    const last = lastLines(this.#settings.said?.() ?? '');
    const killed = error.message.includes('SIGKILL');
    return new EngineFault(
      problem('E003', `${named(this.producer)} broke down: ${error.message}${last && ` (${last})`}`, {
        help: killed
          ? 'a process that is killed has as a rule used up the memory: use smaller images or batches, or fewer --jobs; what was finished is kept'
          : 'run again, what was finished is kept; if it breaks at the same place, try another --engine and run `pipe engines test`',
      }),
    );
  }
}

interface Halving {
  /** Numbers a row of the input and of the output. */
  readonly width: number;
  readonly outputs: number;
  readonly producer: Producer;
  readonly warn: (diagnostic: Diagnostic) => void;
}

type Run = ForwardSession['run'];

/** Where memory runs out, half the rows at a time, from then on. Rows are independent: their numbers stay what they were. */
function halving(run: Run, { width, outputs, producer, warn }: Halving): Run {
  let most = Number.POSITIVE_INFINITY;
  const parts: Run = async (input, rows, giveBack) => {
    if (rows <= most) {
      try {
        return await run(input, rows, giveBack);
      } catch (error) {
        if (!(error instanceof Refusal) || !isOutOfMemory(error.message)) throw error;
        if (rows === 1)
          throw new EngineFault(
            problem('E008', `${named(producer)} ran out of memory with a single row: ${firstLine(error.message)}`, {
              help: 'use smaller images or a smaller network, close other programs that use the device, or run with --device cpu',
            }),
          );
        most = Math.ceil(rows / 2);
        warn(
          warning('E008', `${named(producer)} ran out of memory with ${rows} rows: going on with ${most} at a time`),
        );
        return parts(error.input ?? input, rows, giveBack);
      }
    }
    const all = new Float32Array(rows * outputs);
    for (let row = 0; row < rows; ) {
      // `most` may shrink on the way.
      const count = Math.min(most, rows - row);
      all.set(await parts(input.slice(row * width, (row + count) * width), count), row * outputs);
      row += count;
    }
    giveBack?.(input);
    return all;
  };
  return parts;
}

function transferOf({ numbers }: SentInput): ArrayBuffer[] {
  return numbers ? [numbers.buffer] : [];
}

/** Buffers that hold one weight and nothing else, and so can travel without a copy. */
function wholeBuffers(weights: Weights): ArrayBuffer[] {
  return [...weights.values()].flatMap(({ data }) => {
    const { buffer } = data;
    return buffer instanceof ArrayBuffer && buffer.byteLength === data.byteLength ? [buffer] : [];
  });
}

function named({ engine, device }: Producer): string {
  return `the engine ${engine} on ${device}`;
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.slice(0, 300) ?? '';
}

/** Not news: what TensorFlow and TensorFlow.js say of themselves, and the stacks that Node writes at its end, which name places in pipe. */
const CHATTER =
  /^(?:[IW]\d{4} |\d{4}-\d\d-\d\d [\d:.]+: I |WARNING: All log messages before|Platform node has already been set)/;
const STACK = /^-+ (?:Native|JavaScript) stack trace -+$/m;

function lastLines(text: string): string {
  const [said = ''] = text.split(STACK);
  const lines = said.split('\n').filter((line) => line.trim() !== '' && !CHATTER.test(line));
  return lines.slice(-2).join(' ').slice(0, 300);
}

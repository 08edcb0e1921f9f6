/** A training session on ONNX Runtime: it computes the gradients, WebAssembly applies them in place. */

import { type Shape, sizeOf, type WeightTensor } from '../../networks/network.ts';
import { decayedRate } from '../../networks/optimizer.ts';
import { type UpdateRule, updateRule } from '../../networks/updates.ts';
import { fillMask } from '../dropout-masks.ts';
import type { Piece, StepResult, TrainBatch, TrainProgram, TrainState } from '../engine.ts';
import type { SessionOptions } from '../remote/protocol.ts';
import { GatheredRows, type SessionInput } from '../session-input.ts';
import { threadsOfTraining } from '../session-threads.ts';
import { type Recording, Recordings } from './recordings.ts';
import { createSession, resultsWithoutCopy, runInto, type Session, tensor } from './runtime.ts';
import { type GradientModel, traceForward, traceGradients } from './trace.ts';
import { compileUpdate, WeightMemory } from './wasm-update.ts';

interface Gradients extends Recording {
  readonly model: Omit<GradientModel, 'bytes'>;
  readonly session: Session;
  /** Filled anew for every step. */
  readonly masks: ReadonlyMap<string, Float32Array>;
}

interface Predictor extends Recording {
  readonly session: Session;
  readonly output: string;
}

type Feeds = Record<string, ReturnType<typeof tensor>>;

interface Results {
  readonly loss: Float32Array;
  /** Statistics of batch norms. */
  readonly moved: ReadonlyMap<string, Float32Array>;
  readonly into: Feeds;
}

const gradients = new Recordings<Gradients>();
const predictors = new Recordings<Predictor>();

export class Training {
  readonly #program: Omit<TrainProgram, 'weights'>;
  readonly #options: SessionOptions;
  readonly #rule: UpdateRule;
  readonly #emptySequence: boolean;
  /** Trained weights with their gradients and slots, then the ones that stay. */
  readonly #trained = new Map<string, WeightMemory>();
  readonly #fixed = new Map<string, Float32Array>();
  readonly #shapes: ReadonlyMap<string, Shape>;
  /** What a recording hangs on, but for the number of rows. */
  readonly #key: string;
  /** One recording a batch size: the last batch of an epoch is smaller. */
  readonly #recorded = new Map<number, Gradients>();
  readonly #rows: GatheredRows;
  /** All weights as a graph reads them: where training moves them. */
  readonly #weights: Feeds;
  /** Where the results of a step go, by its rows. */
  readonly #results = new Map<number, Results>();
  #predictor: Predictor | undefined;
  #step = 0;
  /** After a loss that is no number nothing moves any more: the caller stops with the last good weights. */
  #diverged = false;

  private constructor(
    program: TrainProgram,
    trained: ReadonlySet<string>,
    options: SessionOptions,
    emptySequence: boolean,
  ) {
    const { weights, ...rest } = program;
    this.#program = rest;
    this.#options = { ...options, threads: threadsOfTraining(program.network, program.batch, options.threads) };
    this.#emptySequence = emptySequence;
    this.#rows = new GatheredRows(sizeOf(program.network.input));
    this.#rule = updateRule(program.optimizer);
    this.#shapes = new Map([...weights].map(([name, { shape }]) => [name, shape]));
    const { network, classes, frozen } = program;
    this.#key = JSON.stringify([network, classes, frozen, [...trained], [...this.#shapes], this.#options]);
    const compiled = compileUpdate(this.#rule);
    for (const [name, { data }] of weights) {
      if (!trained.has(name)) {
        this.#fixed.set(name, data);
        continue;
      }
      const memory = new WeightMemory(compiled, data.length);
      memory.array('w').set(data);
      for (const [slot, initial] of Object.entries(this.#rule.slots))
        if (initial !== 0) memory.array(slot).fill(initial);
      this.#trained.set(name, memory);
    }
    this.#weights = Object.fromEntries(
      [...this.#shapes].map(([name, shape]) => [name, tensor(this.#numbers(name), shape)]),
    );
  }

  static async open(program: TrainProgram, trained: ReadonlySet<string>, options: SessionOptions): Promise<Training> {
    return new Training(program, trained, options, await resultsWithoutCopy());
  }

  async step(batch: TrainBatch): Promise<StepResult> {
    if (this.#diverged) return { loss: Number.NaN, input: batch.input };
    const { model, session, masks } = await this.#recording(batch.rows);
    const { network, classes, seed } = this.#program;
    const feeds: Feeds = {
      x: tensor(this.#rows.of(batch), [batch.rows, ...network.input]),
      targets: tensor(oneHot(batch.labels, batch.rows, classes), [batch.rows, classes]),
      'sample-weights': tensor(batch.sampleWeights ?? new Float32Array(batch.rows).fill(1), [batch.rows]),
      ...this.#weights,
    };
    for (const layer of network.layers) {
      const shape = model.masks.get(layer.name);
      const mask = masks.get(layer.name);
      if (layer.type !== 'dropout' || !shape || !mask) continue;
      fillMask(mask, {
        seed,
        layer: layer.name,
        rate: layer.rate,
        units: sizeOf(shape.slice(1)),
        rowKeys: batch.rowKeys,
        rows: batch.rows,
        epoch: batch.epoch,
      });
      feeds[`mask ${layer.name}`] = tensor(mask, shape);
    }
    const { loss, moved, into } = this.#resultsOf(model, batch.rows);
    await runInto(session, feeds, into, this.#emptySequence);
    this.#diverged = !Number.isFinite(loss[0]);
    if (!this.#diverged) {
      this.#update(batch.learningRate);
      for (const [name, values] of moved) this.#fixed.get(name)?.set(values);
    }
    return { loss: loss[0] ?? Number.NaN, input: batch.input };
  }

  #resultsOf(model: Gradients['model'], rows: number): Results {
    const known = this.#results.get(rows);
    if (known) return known;
    const shapeOf = (name: string) => this.#shapes.get(name) ?? [];
    const loss = new Float32Array(1);
    const moved = new Map([...model.statistics.keys()].map((name) => [name, new Float32Array(sizeOf(shapeOf(name)))]));
    const into: Feeds = { [model.loss]: tensor(loss, []) };
    for (const [name, output] of model.gradients) into[output] = tensor(this.#memory(name).array('g'), shapeOf(name));
    for (const [name, output] of model.statistics)
      into[output] = tensor(moved.get(name) ?? new Float32Array(0), shapeOf(name));
    const results = { loss, moved, into };
    this.#results.set(rows, results);
    return results;
  }

  async predict(input: SessionInput): Promise<Float32Array<ArrayBuffer>> {
    const { network, classes } = this.#program;
    const { rows } = input;
    const { session, output } = await this.#predicting();
    const probabilities = new Float32Array(rows * classes);
    const feeds = {
      x: tensor(this.#rows.of(input), [rows, ...network.input]),
      ...this.#weights,
    };
    await session.run(feeds, { [output]: tensor(probabilities, [rows, classes]) });
    return probabilities;
  }

  /** Copies of everything that training changes, or of what is named in `only`. */
  state(only?: readonly string[], piece?: Piece): TrainState {
    const wanted = (name: string) => only === undefined || only.includes(name);
    const copy = (name: string, data: Float32Array): WeightTensor => ({
      shape: this.#shapes.get(name) ?? [],
      data: piece ? data.slice(piece.from, piece.from + piece.count) : data.slice(),
    });
    const weights = new Map(
      [...this.#shapes.keys()].filter(wanted).map((name) => [name, copy(name, this.#numbers(name))]),
    );
    const slots = new Map(
      [...this.#trained].flatMap(([name, memory]) =>
        Object.keys(this.#rule.slots)
          .filter((slot) => wanted(`${name}/${slot}`))
          .map((slot) => [`${name}/${slot}`, copy(name, memory.array(slot))] as const),
      ),
    );
    return { step: this.#step, weights, slots };
  }

  restore({ step, weights, slots }: TrainState): void {
    this.#step = step;
    this.#diverged = false;
    for (const [name, { data }] of weights) this.#numbers(name).set(data);
    for (const [name, memory] of this.#trained) {
      for (const slot of Object.keys(this.#rule.slots)) {
        const stored = slots.get(`${name}/${slot}`);
        if (stored) memory.array(slot).set(stored.data);
      }
    }
  }

  async close(): Promise<void> {
    for (const rows of this.#recorded.keys()) await gradients.giveBack(`${rows} ${this.#key}`);
    if (this.#predictor) await predictors.giveBack(this.#key);
    this.#recorded.clear();
    this.#predictor = undefined;
  }

  async #recording(rows: number): Promise<Gradients> {
    const recording =
      this.#recorded.get(rows) ?? (await gradients.take(`${rows} ${this.#key}`, () => this.#record(rows)));
    this.#recorded.set(rows, recording);
    return recording;
  }

  async #record(rows: number): Promise<Gradients> {
    const { network, classes, frozen } = this.#program;
    const { bytes, ...model } = traceGradients({
      network,
      classes,
      rows,
      shapes: this.#shapes,
      trained: new Set(this.#trained.keys()),
      frozen: new Set(frozen),
      emptySequence: this.#emptySequence,
    });
    const masks = new Map([...model.masks].map(([name, shape]) => [name, new Float32Array(sizeOf(shape))]));
    const session = await createSession(bytes, this.#options);
    return { model, session, masks, close: () => session.release() };
  }

  /** Prediction reads the weights where training writes them, so the graph takes them as inputs. */
  async #predicting(): Promise<Predictor> {
    this.#predictor ??= await predictors.take(this.#key, () => this.#recordPrediction());
    return this.#predictor;
  }

  async #recordPrediction(): Promise<Predictor> {
    const { network } = this.#program;
    const last = network.layers.at(-1)?.name ?? '';
    const { bytes, output } = traceForward(network, { shapes: this.#shapes }, last, 'none', true);
    const session = await createSession(bytes, this.#options);
    return { session, output, close: () => session.release() };
  }

  #numbers(name: string): Float32Array {
    return this.#trained.get(name)?.array('w') ?? this.#fixed.get(name) ?? fail(name);
  }

  #memory(name: string): WeightMemory {
    return this.#trained.get(name) ?? fail(name);
  }

  #update(learningRate: number): void {
    const { optimizer, rateFactors } = this.#program;
    const rate = decayedRate(optimizer, learningRate, this.#step);
    for (const [name, memory] of this.#trained) {
      memory.update(this.#rule.scalars(rate * (rateFactors[name.slice(0, name.lastIndexOf('/'))] ?? 1), this.#step));
    }
    this.#step++;
  }
}

function oneHot(labels: Int32Array, rows: number, classes: number): Float32Array {
  const targets = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) targets[row * classes + (labels[row] ?? 0)] = 1;
  return targets;
}

function fail(name: string): never {
  throw new Error(`there is no weight ${name}`);
}

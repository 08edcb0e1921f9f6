/**
 * The eager engine: the same TensorFlow.js programs run kernel by kernel on whatever backend is current. On TensorFlow.js' own CPU
 * backend it is the reference that the others are tested against.
 */
import '../../networks/gradients.ts';
import * as tf from '@tensorflow/tfjs-core';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { type ForwardMode, forward, globalMaxPool, inference, type StatisticUpdates } from '../../networks/forward.ts';
import { describeNetwork } from '../../networks/layers.ts';
import { crossEntropy, penalty } from '../../networks/loss.ts';
import { sizeOf, type WeightTensor } from '../../networks/network.ts';
import { decayedRate } from '../../networks/optimizer.ts';
import type { Expression } from '../../networks/update-formula.ts';
import { updateRule } from '../../networks/updates.ts';
import { arithmeticRefused } from '../arithmetic-refused.ts';
import { fillMask } from '../dropout-masks.ts';
import type {
  Engine,
  ForwardProgram,
  ForwardSession,
  Piece,
  Producer,
  StepResult,
  TrainBatch,
  TrainProgram,
  TrainSession,
  TrainState,
} from '../engine.ts';
import { GatheredRows, type SessionInput } from '../session-input.ts';

/** @param close releases the backend's own resources */
export function eagerEngine(producer: Producer, close: () => Promise<void> = async () => {}): Engine {
  return {
    producer,
    broken: false,
    async openForward(program) {
      const refused = program.arithmetic && arithmeticRefused(program.arithmetic, producer);
      return refused ? err(refused) : openForward(program);
    },
    openTraining: async (program) => openTraining(program),
    close,
  };
}

function openForward(program: ForwardProgram): Result<ForwardSession, Diagnostic> {
  if (program.kind === 'onnx')
    return err(problem('E002', 'an ONNX file runs on the engine `ort` alone', { help: 'run without --engine' }));
  const { network, layer, pooling } = program;
  const described = describeNetwork(network);
  if (!described.ok) return described;
  const weights = new Map([...program.weights].map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape])]));
  const apply = (x: tf.Tensor) => {
    const y = forward(network, layer, x, (name) => weights.get(name) ?? missing(name), inference);
    if (pooling === 'none' || y.rank !== 4) return y;
    return pooling === 'average' ? tf.mean(y, [1, 2]) : globalMaxPool(y);
  };
  const shape = described.value.layers.find(({ name }) => name === layer)?.output ?? [];
  return ok({
    outputShape: pooling !== 'none' && shape.length === 3 ? shape.slice(-1) : shape,
    async run(input, rows) {
      const y = tf.tidy(() =>
        apply(tf.tensor(input.subarray(0, rows * sizeOf(network.input)), [rows, ...network.input])),
      );
      const data = await y.data<'float32'>();
      y.dispose();
      return Float32Array.from(data);
    },
    async close() {
      for (const tensor of weights.values()) tensor.dispose();
    },
  });
}

function openTraining(program: TrainProgram): Result<TrainSession, Diagnostic> {
  const described = describeNetwork(program.network);
  if (!described.ok) return described;
  const trained = described.value.slots
    .filter(({ trainable, layer }) => trainable && !program.frozen.includes(layer))
    .map(({ name }) => name);
  return ok(new EagerTraining(program, trained));
}

class EagerTraining implements TrainSession {
  readonly #program: Omit<TrainProgram, 'weights'>;
  readonly #trained: readonly string[];
  readonly #rule;
  readonly #rows: GatheredRows;
  readonly #weights: Map<string, tf.Tensor>;
  readonly #slots: Map<string, tf.Tensor>;
  /** The last step that was given: each waits for the one before it. */
  #stepping: Promise<unknown> = Promise.resolve();
  #diverged = false;
  #step = 0;

  constructor({ weights, ...program }: TrainProgram, trained: readonly string[]) {
    this.#program = program;
    this.#trained = trained;
    this.#rule = updateRule(program.optimizer);
    this.#rows = new GatheredRows(sizeOf(program.network.input));
    this.#weights = new Map([...weights].map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape])]));
    this.#slots = new Map(
      trained.flatMap((name) =>
        Object.entries(this.#rule.slots).map(
          ([slot, initial]) => [`${name}/${slot}`, tf.fill([...(weights.get(name)?.shape ?? [])], initial)] as const,
        ),
      ),
    );
  }

  step(batch: TrainBatch): Promise<StepResult> {
    const stepped = this.#stepping.then(() => this.#stepNow(batch));
    this.#stepping = stepped.catch(() => undefined);
    return stepped;
  }

  async #stepNow(batch: TrainBatch): Promise<StepResult> {
    if (this.#diverged) return { loss: Number.NaN, input: batch.input };
    const { value, gradients, statistics } = this.#gradients(batch);
    const [loss = Number.NaN] = await value.data<'float32'>();
    value.dispose();
    this.#diverged = !Number.isFinite(loss);
    if (!this.#diverged) {
      this.#update(gradients, batch.learningRate);
      for (const [name, moved] of statistics) this.#replace(this.#weights, name, tf.clone(moved));
    }
    for (const tensor of [...gradients.values(), ...statistics.values()]) tensor.dispose();
    return { loss, input: batch.input };
  }

  async predict(input: SessionInput): Promise<Float32Array<ArrayBuffer>> {
    const { network } = this.#program;
    const last = network.layers.at(-1)?.name ?? '';
    const probabilities = tf.tidy(() => {
      const x = tf.tensor(this.#rows.of(input), [input.rows, ...network.input]);
      return tf.softmax(forward(network, last, x, (name) => this.#weights.get(name) ?? missing(name), inference));
    });
    const data = await probabilities.data<'float32'>();
    probabilities.dispose();
    return Float32Array.from(data);
  }

  async state(only?: readonly string[], piece?: Piece): Promise<TrainState> {
    const copy = async (tensors: ReadonlyMap<string, tf.Tensor>): Promise<ReadonlyMap<string, WeightTensor>> => {
      const copies = await Promise.all(
        [...tensors]
          .filter(([name]) => only === undefined || only.includes(name))
          .map(async ([name, tensor]) => {
            const data = await tensor.data<'float32'>();
            const wanted = piece ? data.subarray(piece.from, piece.from + piece.count) : data;
            return [name, { shape: tensor.shape, data: Float32Array.from(wanted) }] as const;
          }),
      );
      return new Map(copies);
    };
    return { step: this.#step, weights: await copy(this.#weights), slots: await copy(this.#slots) };
  }

  async restore({ step, weights, slots }: TrainState): Promise<void> {
    this.#step = step;
    this.#diverged = false;
    for (const [name, { data, shape }] of weights) this.#replace(this.#weights, name, tf.tensor(data, [...shape]));
    for (const [name, { data, shape }] of slots) this.#replace(this.#slots, name, tf.tensor(data, [...shape]));
  }

  async close(): Promise<void> {
    for (const tensor of [...this.#weights.values(), ...this.#slots.values()]) tensor.dispose();
  }

  #gradients(batch: TrainBatch) {
    const { network, classes, seed, frozen } = this.#program;
    const { rows } = batch;
    const statistics: StatisticUpdates = new Map();
    const mode: ForwardMode = {
      training: true,
      frozen: new Set(frozen),
      mask(layer, shape) {
        const mask = new Float32Array(sizeOf(shape));
        fillMask(mask, {
          seed,
          layer: layer.name,
          rate: layer.rate,
          units: sizeOf(shape.slice(1)),
          rowKeys: batch.rowKeys,
          rows,
          epoch: batch.epoch,
        });
        return tf.tensor(mask, [...shape]);
      },
    };
    const weight = (name: string) => this.#weights.get(name) ?? missing(name);
    tf.engine().startScope();
    try {
      const x = tf.tensor(this.#rows.of(batch), [rows, ...network.input]);
      const targets = tf.cast(tf.oneHot(tf.tensor1d(batch.labels, 'int32'), classes), 'float32');
      const sampleWeights = tf.tensor1d(batch.sampleWeights ?? new Float32Array(rows).fill(1));
      const { value, grads } = tf.engine().gradients(
        () => {
          const logits = forward(network, network.layers.at(-1)?.name ?? '', x, weight, mode, statistics);
          for (const moved of statistics.values()) tf.keep(moved);
          const loss = crossEntropy(logits, targets, sampleWeights);
          const extra = penalty(network, weight);
          return extra ? tf.add(loss, extra) : loss;
        },
        this.#trained.map(weight),
        undefined,
        true,
      );
      const gradients = new Map(
        this.#trained.map((name, i) => [name, tf.keep(grads[i] ?? tf.zerosLike(weight(name)))]),
      );
      return { value: tf.keep(value), gradients, statistics };
    } finally {
      tf.engine().endScope();
    }
  }

  #update(gradients: ReadonlyMap<string, tf.Tensor>, learningRate: number): void {
    const { optimizer, rateFactors } = this.#program;
    const rate = decayedRate(optimizer, learningRate, this.#step);
    for (const [name, gradient] of gradients) {
      const scalars = this.#rule.scalars(rate * (rateFactors[name.slice(0, name.lastIndexOf('/'))] ?? 1), this.#step);
      tf.engine().startScope();
      const values = new Map<string, tf.Tensor>([
        ['w', this.#weights.get(name) ?? missing(name)],
        ['g', gradient],
      ]);
      for (const slot of Object.keys(this.#rule.slots))
        values.set(slot, this.#slots.get(`${name}/${slot}`) ?? missing(slot));
      this.#rule.scalarNames.forEach((scalar, i) => {
        values.set(scalar, tf.scalar(scalars[i] ?? 0));
      });
      for (const { target, value } of this.#rule.statements) values.set(target, evaluate(value, values));
      this.#replace(this.#weights, name, tf.keep(values.get('w') ?? missing(name)));
      for (const slot of Object.keys(this.#rule.slots))
        this.#replace(this.#slots, `${name}/${slot}`, tf.keep(values.get(slot) ?? missing(slot)));
      tf.engine().endScope();
    }
    this.#step++;
  }

  #replace(tensors: Map<string, tf.Tensor>, name: string, tensor: tf.Tensor): void {
    const old = tensors.get(name);
    tensors.set(name, tensor);
    if (old !== tensor) old?.dispose();
  }
}

/** An update's formula on tensors. */
function evaluate(expression: Expression, values: ReadonlyMap<string, tf.Tensor>): tf.Tensor {
  const of = (part: Expression) => evaluate(part, values);
  switch (expression.op) {
    case 'name':
      return values.get(expression.name) ?? missing(expression.name);
    case 'number':
      return tf.scalar(expression.value);
    case 'sqrt':
      return tf.sqrt(of(expression.operand));
    case 'abs':
      return tf.abs(of(expression.operand));
    case '+':
      return tf.add(of(expression.left), of(expression.right));
    case '-':
      return tf.sub(of(expression.left), of(expression.right));
    case '*':
      return tf.mul(of(expression.left), of(expression.right));
    case '/':
      return tf.div(of(expression.left), of(expression.right));
    case 'max':
      return tf.maximum(of(expression.left), of(expression.right));
  }
}

function missing(name: string): never {
  throw new Error(`there is no weight ${name}`);
}

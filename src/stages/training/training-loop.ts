/** The loop that every kind of training runs: epochs over inputs read ahead, checkpoints, early stopping, resumption to the same bits. */
import { join } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import type { Digest } from '../../base/digest.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { Engine, Producer, TrainSession } from '../../engines/engine.ts';
import { type Network, sizeOf, type Weights } from '../../networks/network.ts';
import type { EpochRecord } from '../artifacts.ts';
import type { BatchReader, InputBatch, InputSource } from '../inputs/input-batches.ts';
import { classWeightValues, labelsOf, type TrainingRows } from '../inputs/labelled-rows.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import { epochOrder, maskKeys } from './epoch-order.ts';
import { rateOfNextEpoch } from './learning-rate.ts';
import { memoryProblem } from './memory-estimate.ts';
import { bestEpoch, shouldStop } from './monitor.ts';
import { StepsInFlight } from './steps-in-flight.ts';
import { TrainingCheckpoints, type TrainingPosition } from './training-checkpoints.ts';
import { checkMonitors, divergence } from './training-checks.ts';
import type { TrainingSettings } from './training-settings.ts';
import { stateTensors } from './training-state.ts';
import { type ValidationFigures, validate } from './validation.ts';

export interface Training {
  readonly network: Network;
  readonly initial: () => Result<Weights, Diagnostic>;
  readonly settings: TrainingSettings;
  readonly seed: number;
  readonly table: RowTable;
  readonly rows: TrainingRows;
  readonly inputs: InputSource;
  /** Names of layers that stay as they are, and factors on the rate by layer. */
  readonly frozen?: readonly string[];
  readonly rateFactors?: Readonly<Record<string, number>>;
  /** Weights of layers below the network, which are not trained and go into the model all the same. */
  readonly below?: Weights;
}

export interface Trained {
  /** Blob of a safetensors file. */
  readonly weights: Digest;
  readonly history: readonly EpochRecord[];
  readonly producer: Producer;
}

type TrainingContext = Pick<RunContext, 'blobs' | 'checkpoints' | 'force' | 'lineage' | 'progress' | 'signal'>;

/** A checkpoint is written when this many times its cost has passed since the last one: at most a tenth of the time goes there. */
const CHECKPOINT_INTERVAL = 9;

export async function train(
  training: Training,
  engine: Engine,
  context: TrainingContext,
): Promise<Result<Trained, StageFailure>> {
  const refused = checkMonitors(training.settings, training.rows);
  if (refused) return failed(refused);
  const weights = classWeightValues(training.settings.classWeights, training.table, training.rows.train);
  if (!weights.ok) return failed(weights.error);
  const { network, settings, frozen = [] } = training;
  const tooLarge = memoryProblem({ network, frozen, ...settings });
  if (tooLarge) return failed(tooLarge);
  const tensors = stateTensors(network, settings.optimizer, frozen);
  if (!tensors.ok) return failed(tensors.error);
  const checkpoints = new TrainingCheckpoints(context.checkpoints, engine.producer, tensors.value, training.below);
  if (context.force) checkpoints.clear();
  const session = await openSession(training, engine);
  if (!session.ok) return failed(session.error);
  try {
    const loop = new TrainingLoop(training, session.value, checkpoints, context, weights.value);
    const lineage = isPrefixOfLonger(settings) ? context.lineage : undefined;
    const line = lineage === undefined ? undefined : new TrainingCheckpoints(lineage, engine.producer, tensors.value);
    const history = await loop.run(line);
    if (!history.ok) return history;
    await line?.write({ ...START, history: history.value }, session.value);
    const final = await loop.finalWeights(history.value);
    if (!final.ok) return final;
    const stored = await context.blobs.putFile(final.value);
    return ok({ weights: stored, history: history.value, producer: engine.producer });
  } finally {
    await session.value.close();
  }
}

/** Whether a training with more epochs would begin with the very same ones. */
function isPrefixOfLonger({ earlyStopping, learningRateSchedule }: TrainingSettings): boolean {
  return earlyStopping === null && learningRateSchedule.type !== 'cosine';
}

async function openSession(training: Training, engine: Engine): Promise<Result<TrainSession, Diagnostic>> {
  const { network, settings, seed, table, frozen = [], rateFactors = {} } = training;
  const weights = training.initial();
  if (!weights.ok) return weights;
  const { optimizer, loss, batch } = settings;
  return engine.openTraining({
    network,
    weights: weights.value,
    handOver: true,
    classes: table.classes.length,
    loss,
    optimizer,
    batch,
    frozen,
    rateFactors,
    seed,
  });
}

const NO_KEYS = new Uint32Array(0);
const START: TrainingPosition = { history: [], batchesInEpoch: 0, rowsInEpoch: 0, lossSum: 0 };

class TrainingLoop {
  readonly #training: Training;
  readonly #session: TrainSession;
  readonly #checkpoints: TrainingCheckpoints;
  readonly #context: TrainingContext;
  readonly #classWeights: Float64Array | undefined;
  readonly #validationOrder: Uint32Array;
  readonly #stepsPerEpoch: number;
  /** Whether a step draws dropout masks. */
  readonly #draws: boolean;
  #checkpointAt = Number.NEGATIVE_INFINITY;
  #checkpointMs = 0;

  constructor(
    training: Training,
    session: TrainSession,
    checkpoints: TrainingCheckpoints,
    context: TrainingContext,
    classWeights: Float64Array | undefined,
  ) {
    this.#training = training;
    this.#session = session;
    this.#checkpoints = checkpoints;
    this.#context = context;
    this.#classWeights = classWeights;
    // In an order that does not hang on the table's, so that sums over it have the same bits.
    this.#validationOrder = epochOrder(training.table, training.rows.validation, training.seed, 0);
    this.#draws = training.network.layers.some(({ type }) => type === 'dropout');
    this.#stepsPerEpoch = Math.ceil(training.rows.train.length / training.settings.batch);
  }

  /** @param line where shorter trainings of the same kind have left their last state. */
  async run(line?: TrainingCheckpoints): Promise<Result<readonly EpochRecord[], StageFailure>> {
    const { settings } = this.#training;
    let position = await this.#resume();
    if (line && position === START) position = await this.#continue(line);
    while (position.history.length < settings.epochs && !shouldStop(settings.earlyStopping, position.history)) {
      const epoch = await this.#runEpoch(position);
      if (!epoch.ok) return epoch;
      position = { ...START, history: [...position.history, epoch.value] };
      const kept = await this.#keepEpoch(position);
      if (!kept.ok) return kept;
    }
    return ok(position.history);
  }

  /** A file with the best epoch's weights where early stopping asks for them, else the last one's. */
  async finalWeights(history: readonly EpochRecord[]): Promise<Result<string, StageFailure>> {
    const { earlyStopping } = this.#training.settings;
    const best = earlyStopping?.restoreBest ? bestEpoch(history, earlyStopping.monitor) : undefined;
    if (best !== undefined && best !== history.length - 1) {
      const kept = await this.#checkpoints.best(best);
      if (kept) return ok(kept);
      const help = 'run again: the training starts anew';
      return failed(problem('S001', 'the kept weights of the best epoch were damaged on disk', { help }));
    }
    const path = join(this.#checkpoints.folder, 'model.safetensors');
    return (await this.#checkpoints.writeWeights(path, this.#session)) ? ok(path) : this.#notFinite(history);
  }

  async #resume(): Promise<TrainingPosition> {
    const latest = await this.#checkpoints.latest();
    if (!latest) return START;
    const { earlyStopping } = this.#training.settings;
    const best = earlyStopping?.restoreBest ? bestEpoch(latest.position.history, earlyStopping.monitor) : undefined;
    // Without the best weights so far the training could not end as one that was never interrupted.
    if (best !== undefined && !(await this.#checkpoints.best(best))) return START;
    await this.#checkpoints.restore(latest, this.#session);
    return latest.position;
  }

  /** Goes on where a shorter training ended. */
  async #continue(line: TrainingCheckpoints): Promise<TrainingPosition> {
    const latest = await line.latest();
    if (!latest || latest.position.history.length > this.#training.settings.epochs) return START;
    await line.restore(latest, this.#session);
    return latest.position;
  }

  async #runEpoch(from: TrainingPosition): Promise<Result<EpochRecord, StageFailure>> {
    const { settings, table, rows, seed, inputs } = this.#training;
    const epoch = from.history.length;
    const rate = rateOfNextEpoch(
      settings.learningRateSchedule,
      settings.optimizer.learningRate,
      from.history,
      settings.epochs,
    );
    const order = epochOrder(table, rows.train, seed, settings.shuffle ? epoch : 0);
    const reader = inputs.open(order.subarray(from.batchesInEpoch * settings.batch), settings.batch, epoch, true);
    let { batchesInEpoch, rowsInEpoch, lossSum } = from;
    const steps = new StepsInFlight(settings.batch * sizeOf(inputs.shape) * 4);
    try {
      for (;;) {
        const batch = await reader.next();
        if (!batch.ok) return batch;
        const { aborted } = this.#context.signal;
        for await (const { loss, taken, number } of steps.settle(!batch.value || aborted)) {
          if (!Number.isFinite(loss)) return failed(this.#divergence(loss, epoch, number, rate));
          rowsInEpoch += taken;
          lossSum += loss * taken;
          this.#report(epoch, rowsInEpoch, lossSum);
        }
        if (!batch.value) break;
        if (aborted) return await this.#interrupt({ ...from, batchesInEpoch, rowsInEpoch, lossSum });
        batchesInEpoch++;
        const taken = batch.value.rows.length;
        if (taken > 0)
          steps.push({ loss: this.#step(batch.value, epoch, rate, reader), taken, number: batchesInEpoch });
      }
    } finally {
      await steps.drain();
      await reader.close();
    }
    if (rowsInEpoch === 0)
      return failed(problem('S011', 'no training image could be read', { help: 'the warnings name them' }));
    const validation = await this.#validate();
    if (!validation.ok) return validation;
    if (this.#context.signal.aborted) return this.#interrupt({ ...from, batchesInEpoch, rowsInEpoch, lossSum });
    const record = { epoch: epoch + 1, loss: lossSum / rowsInEpoch, ...validation.value, 'learning-rate': rate };
    const figure = record['validation-loss'] ?? 0;
    return Number.isFinite(figure) ? ok(record) : failed(this.#divergence(figure, epoch, batchesInEpoch, rate));
  }

  async #step(
    { rows, ...batch }: InputBatch,
    epoch: number,
    learningRate: number,
    reader: BatchReader,
  ): Promise<number> {
    const { table } = this.#training;
    const labels = labelsOf(table, rows);
    const weights = this.#classWeights;
    const result = await this.#session.step({
      ...batch,
      rows: rows.length,
      labels,
      ...(weights && { sampleWeights: Float32Array.from(labels, (label) => weights[label] ?? 1) }),
      rowKeys: this.#draws ? maskKeys(table, rows) : NO_KEYS,
      epoch,
      learningRate,
    });
    reader.recycle(result.input);
    return result.loss;
  }

  #validate(): Promise<Result<ValidationFigures, StageFailure>> {
    const { table, inputs, settings } = this.#training;
    const { signal } = this.#context;
    return validate(this.#session, { table, order: this.#validationOrder, inputs, batch: settings.batch, signal });
  }

  /** Best weights and, when it has been long enough, a checkpoint. */
  async #keepEpoch(position: TrainingPosition): Promise<Result<void, StageFailure>> {
    const { earlyStopping, epochs } = this.#training.settings;
    const { history } = position;
    const last = history.length === epochs || shouldStop(earlyStopping, history);
    const improved =
      earlyStopping?.restoreBest === true && bestEpoch(history, earlyStopping.monitor) === history.length - 1;
    const due = !last && performance.now() - this.#checkpointAt >= CHECKPOINT_INTERVAL * this.#checkpointMs;
    if (!(due || (improved && !last))) return ok(undefined);
    if (improved && !(await this.#checkpoints.writeBest(history.length - 1, this.#session)))
      return this.#notFinite(history);
    if (!due) return ok(undefined);
    const started = performance.now();
    if (!(await this.#checkpoints.write(position, this.#session))) return this.#notFinite(history);
    const best = earlyStopping ? bestEpoch(history, earlyStopping.monitor) : undefined;
    if (best !== undefined) this.#checkpoints.dropBestBut(best);
    this.#checkpointAt = performance.now();
    this.#checkpointMs = this.#checkpointAt - started;
    return ok(undefined);
  }

  /** The update of the last step left a weight that is no number. */
  #notFinite(history: readonly EpochRecord[]): Result<never, StageFailure> {
    const rate = history.at(-1)?.['learning-rate'] ?? 0;
    return failed(this.#divergence(Number.NaN, history.length - 1, this.#stepsPerEpoch, rate));
  }

  async #interrupt(position: TrainingPosition): Promise<Result<never, StageFailure>> {
    if (position.history.length > 0 || position.batchesInEpoch > 0)
      await this.#checkpoints.write(position, this.#session);
    return err({ reason: 'interrupted' });
  }

  #report(epoch: number, seen: number, lossSum: number): void {
    const { settings, rows } = this.#training;
    const note = `epoch ${epoch + 1} of ${settings.epochs}, loss ${(lossSum / seen).toPrecision(4)}`;
    this.#context.progress(epoch * rows.train.length + seen, settings.epochs * rows.train.length, note);
  }

  #divergence(loss: number, epoch: number, step: number, rate: number): Diagnostic {
    const kept = epoch > 0 ? this.#context.checkpoints : undefined;
    return divergence({ loss, epoch, step, rate, optimizer: this.#training.settings.optimizer, kept });
  }
}

function failed(...diagnostics: readonly Diagnostic[]): Result<never, StageFailure> {
  return err({ reason: 'diagnostics', diagnostics });
}

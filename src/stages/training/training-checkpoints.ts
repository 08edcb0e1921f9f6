/**
 * Checkpoints of a training: numbers as safetensors, the rest as JSON that carries their digest. The JSON is written last and
 * makes the checkpoint valid. Nothing is flushed to the device: a checkpoint that a crash damaged is passed over.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, parseDigest } from '../../base/digest.ts';
import type { Producer, TrainSession, TrainState } from '../../engines/engine.ts';
import { writeFileAtomically } from '../../files/atomic-file.ts';
import { SafetensorsReader } from '../../files/safetensors.ts';
import type { Weights } from '../../networks/network.ts';
import type { EpochRecord } from '../artifacts.ts';
import { type StateTensor, storedName, writeState } from './training-state.ts';

/** Where a training stands, beside its numbers. */
export interface TrainingPosition {
  /** Finished epochs. */
  readonly history: readonly EpochRecord[];
  /** Finished batches of the current epoch, the rows in them that could be read, and the sum of losses times rows. */
  readonly batchesInEpoch: number;
  readonly rowsInEpoch: number;
  readonly lossSum: number;
}

/** A checkpoint that is whole. */
export interface Checkpoint {
  readonly position: TrainingPosition;
  /** Steps of all epochs. */
  readonly step: number;
  readonly path: string;
}

interface Stored extends TrainingPosition {
  readonly step: number;
  readonly producer: Producer;
  readonly digest: Digest;
}

const KEPT = 2;

export class TrainingCheckpoints {
  readonly folder: string;
  readonly #producer: Producer;
  readonly #tensors: readonly StateTensor[];
  /** Weights that a model has besides those of the session. */
  readonly #below: Weights;

  constructor(folder: string, producer: Producer, tensors: readonly StateTensor[], below: Weights = new Map()) {
    this.#below = below;
    this.folder = folder;
    this.#producer = producer;
    this.#tensors = tensors;
  }

  /** The newest checkpoint that is whole and was made by the same producer. */
  async latest(): Promise<Checkpoint | undefined> {
    for (const name of this.#names().reverse()) {
      const stored = this.#readStored(name);
      const path = join(this.folder, `${name}.safetensors`);
      if (!stored || JSON.stringify(stored.producer) !== JSON.stringify(this.#producer)) continue;
      if ((await digestOfFile(path)) !== stored.digest) continue;
      const { history, batchesInEpoch, rowsInEpoch, lossSum, step } = stored;
      return { position: { history, batchesInEpoch, rowsInEpoch, lossSum }, step, path };
    }
    return undefined;
  }

  /** Puts a checkpoint's numbers back into a session. */
  async restore({ path, step }: Checkpoint, session: TrainSession): Promise<void> {
    const opened = SafetensorsReader.open(path);
    if (!opened.ok) throw new Error(`${path} ${opened.error}, although its digest is right`);
    const reader = opened.value;
    try {
      for (const tensor of this.#tensors) {
        const numbers = reader.float32(storedName(tensor, 'by-kind'));
        if (!numbers) throw new Error(`${path} lacks ${tensor.name}, although its digest is right`);
        const none: TrainState = { step, weights: new Map(), slots: new Map() };
        await session.restore({ ...none, [tensor.kind]: new Map([[tensor.name, numbers]]) });
      }
    } finally {
      reader.close();
    }
  }

  /** Writes a checkpoint and drops all but the newest two. False, and nothing is written, when a number is not finite. */
  async write(position: TrainingPosition, session: TrainSession): Promise<boolean> {
    const { step } = await session.state([]);
    const name = `step-${String(step).padStart(12, '0')}`;
    const path = join(this.folder, `${name}.safetensors`);
    const digest = await writeState(path, this.#tensors, 'by-kind', session);
    if (!digest) return false;
    const stored: Stored = { ...position, step, producer: this.#producer, digest };
    writeFileAtomically(join(this.folder, `${name}.json`), JSON.stringify(stored), { flush: false });
    for (const old of this.#names().slice(0, -KEPT)) {
      rmSync(join(this.folder, `${old}.json`), { force: true });
      rmSync(join(this.folder, `${old}.safetensors`), { force: true });
    }
    return true;
  }

  /** Writes the weights alone to a file. Its digest, or undefined when a number is not finite. */
  writeWeights(path: string, session: TrainSession): Promise<Digest | undefined> {
    const weights = this.#tensors.filter(({ kind }) => kind === 'weights');
    return writeState(path, weights, 'plain', session, this.#below);
  }

  /** Keeps the weights of an epoch that is the best so far; those of an earlier one are dropped by `dropBestBut`. */
  async writeBest(epoch: number, session: TrainSession): Promise<boolean> {
    const path = this.#bestPath(epoch);
    const digest = await this.writeWeights(path, session);
    if (!digest) return false;
    writeFileAtomically(`${path}.sha256`, digest, { flush: false });
    return true;
  }

  /** The file with the weights kept of an epoch, or undefined where it is missing or damaged. */
  async best(epoch: number): Promise<string | undefined> {
    const path = this.#bestPath(epoch);
    if (!existsSync(`${path}.sha256`)) return undefined;
    return readFileSync(`${path}.sha256`, 'utf8') === (await digestOfFile(path)) ? path : undefined;
  }

  dropBestBut(epoch: number): void {
    for (const file of readdirSync(this.folder)) {
      if (file.startsWith('best-') && !file.startsWith(`best-${epoch}.`))
        rmSync(join(this.folder, file), { force: true });
    }
  }

  clear(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #bestPath(epoch: number): string {
    return join(this.folder, `best-${epoch}.safetensors`);
  }

  /** Names of the checkpoints, oldest first. */
  #names(): string[] {
    if (!existsSync(this.folder)) return [];
    return readdirSync(this.folder)
      .filter((file) => /^step-\d+\.json$/.test(file))
      .map((file) => file.slice(0, -'.json'.length))
      .sort();
  }

  #readStored(name: string): Stored | undefined {
    try {
      const stored: Stored = JSON.parse(readFileSync(join(this.folder, `${name}.json`), 'utf8'));
      return Array.isArray(stored.history) && typeof stored.digest === 'string' ? stored : undefined;
    } catch {
      return undefined;
    }
  }
}

async function digestOfFile(path: string): Promise<Digest | undefined> {
  if (!existsSync(path)) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return parseDigest(hash.digest('hex'));
}

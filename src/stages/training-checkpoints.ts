/**
 * Checkpoints of a training: numbers as safetensors, the rest as JSON that carries their digest. The JSON is written last and
 * makes the checkpoint valid. Nothing is flushed to the device: a checkpoint that a crash damaged is passed over.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, parseDigest } from '../base/digest.ts';
import type { Producer, TrainState } from '../engines/engine.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { float32Of, readSafetensors, writeSafetensors } from '../files/safetensors.ts';
import type { Weights } from '../networks/network.ts';
import type { EpochRecord } from './artifacts.ts';

/** Where a training stands, beside its numbers. */
export interface TrainingPosition {
  /** Finished epochs. */
  readonly history: readonly EpochRecord[];
  /** Finished steps of the current epoch, and their losses times their rows. */
  readonly stepsInEpoch: number;
  readonly lossSum: number;
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

  constructor(folder: string, producer: Producer) {
    this.folder = folder;
    this.#producer = producer;
  }

  /** The newest checkpoint that is whole and was made by the same producer. */
  async latest(): Promise<{ readonly position: TrainingPosition; readonly state: TrainState } | undefined> {
    for (const name of this.#names().reverse()) {
      const stored = this.#readStored(name);
      if (!stored || JSON.stringify(stored.producer) !== JSON.stringify(this.#producer)) continue;
      const tensors = await readChecked(join(this.folder, `${name}.safetensors`), stored.digest);
      if (!tensors) continue;
      const { history, stepsInEpoch, lossSum, step } = stored;
      return {
        position: { history, stepsInEpoch, lossSum },
        state: { step, weights: below('weights/', tensors), slots: below('slots/', tensors) },
      };
    }
    return undefined;
  }

  /** Writes a checkpoint and drops all but the newest two. */
  async write(position: TrainingPosition, state: TrainState): Promise<void> {
    const name = `step-${String(state.step).padStart(12, '0')}`;
    const path = join(this.folder, `${name}.safetensors`);
    writeSafetensors(path, new Map([...prefixed('weights/', state.weights), ...prefixed('slots/', state.slots)]), {
      flush: false,
    });
    const stored: Stored = {
      ...position,
      step: state.step,
      producer: this.#producer,
      digest: await digestOfFile(path),
    };
    writeFileAtomically(join(this.folder, `${name}.json`), JSON.stringify(stored), { flush: false });
    for (const old of this.#names().slice(0, -KEPT)) {
      rmSync(join(this.folder, `${old}.json`), { force: true });
      rmSync(join(this.folder, `${old}.safetensors`), { force: true });
    }
  }

  /** Keeps the weights of an epoch that is the best so far; those of an earlier one are dropped by `dropBestBut`. */
  async writeBest(epoch: number, weights: Weights): Promise<void> {
    const path = join(this.folder, `best-${epoch}.safetensors`);
    writeSafetensors(path, weights, { flush: false });
    writeFileAtomically(`${path}.sha256`, await digestOfFile(path), { flush: false });
  }

  /** The weights kept of an epoch, or undefined where they are missing or damaged. */
  async best(epoch: number): Promise<Weights | undefined> {
    const path = join(this.folder, `best-${epoch}.safetensors`);
    const digest = existsSync(`${path}.sha256`) ? readFileSync(`${path}.sha256`, 'utf8') : '';
    return readChecked(path, digest);
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

async function readChecked(path: string, digest: string): Promise<Weights | undefined> {
  if (!existsSync(path)) return undefined;
  if ((await digestOfFile(path)) !== digest) return undefined;
  const tensors = readSafetensors(readFileSync(path));
  if (!tensors.ok) return undefined;
  return new Map([...tensors.value].map(([name, tensor]) => [name, { shape: tensor.shape, data: float32Of(tensor) }]));
}

async function digestOfFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return parseDigest(hash.digest('hex'));
}

function prefixed(
  prefix: string,
  weights: Weights,
): [string, { readonly shape: readonly number[]; readonly data: Float32Array }][] {
  return [...weights].map(([name, weight]) => [`${prefix}${name}`, weight]);
}

function below(prefix: string, weights: Weights): Weights {
  return new Map(
    [...weights].flatMap(([name, weight]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), weight] as const] : [],
    ),
  );
}

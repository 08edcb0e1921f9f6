/** What a training takes of memory, said before it starts. */
import { totalmem } from 'node:os';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { describeNetwork } from '../../networks/layers.ts';
import { type Network, sizeOf } from '../../networks/network.ts';
import type { Optimizer } from '../../networks/optimizer.ts';
import { updateRule } from '../../networks/updates.ts';

export interface TrainingSize {
  readonly network: Network;
  readonly frozen: readonly string[];
  readonly optimizer: Optimizer;
  readonly batch: number;
}

/** Node.js, ONNX Runtime and our own code before any number. */
const BASE = 250 * 2 ** 20;
const BYTES = 4;

/** Bytes: weights, their gradients and the optimizer's slots; every layer's output of a batch, kept for the way back and once more as its gradient. */
export function trainingBytes({ network, frozen, optimizer, batch }: TrainingSize): number {
  const described = describeNetwork(network);
  if (!described.ok) return 0;
  const { layers, slots } = described.value;
  const moved = slots
    .filter(({ trainable, layer }) => trainable && !frozen.includes(layer))
    .reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const all = slots.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const outputs = layers.reduce((sum, { output }) => sum + sizeOf(output), sizeOf(network.input));
  const kept = Object.keys(updateRule(optimizer).slots).length;
  return BASE + BYTES * (all + moved * (1 + kept) + 2 * batch * outputs);
}

/** What trainings side by side take together: the process, and copies on the way to a file, of one at a time. */
export const GROUP_BYTES = 400 * 2 ** 20;
/** A session's own memory at ONNX Runtime. */
const SESSION = 16 * 2 ** 20;
/** Initial weights and freed arrays that are not collected at once. Measured: 1.4 for a head of 26 million weights. */
const SLACK = 1.5;

/** Bytes that one of several trainings side by side adds to `GROUP_BYTES`. */
export function memberBytes(size: TrainingSize): number {
  return SESSION + SLACK * Math.max(0, trainingBytes(size) - BASE);
}

/** Memory of this machine, or of the container that this process may use. */
export function memoryLimit(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** A training that cannot fit, or undefined. */
export function memoryProblem(size: TrainingSize, limit: number = memoryLimit()): Diagnostic | undefined {
  const bytes = trainingBytes(size);
  if (bytes <= limit) return undefined;
  const show = (number: number) => `${(number / 2 ** 30).toFixed(1)} GiB`;
  const least = trainingBytes({ ...size, batch: 1 });
  const fits = Math.floor(size.batch * ((limit - least) / Math.max(1, bytes - least)));
  return problem('S053', `the training would take about ${show(bytes)} of memory, and there are ${show(limit)}`, {
    help: fits >= 1 ? `a batch of ${fits} would fit` : 'freeze more layers, pool the features, or take narrower layers',
  });
}

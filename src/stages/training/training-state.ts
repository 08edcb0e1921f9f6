/** The state of a training, piece by piece: whole it is several times the network's size. */
import { createHash } from 'node:crypto';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { type Digest, parseDigest } from '../../base/digest.ts';
import { ok, type Result } from '../../base/result.ts';
import type { TrainSession } from '../../engines/engine.ts';
import { SafetensorsWriter, type TensorPlan } from '../../files/safetensors.ts';
import { describeNetwork } from '../../networks/layers.ts';
import { type Network, sizeOf, type Weights } from '../../networks/network.ts';
import type { Optimizer } from '../../networks/optimizer.ts';
import { updateRule } from '../../networks/updates.ts';

/** One weight, or one slot that the optimizer keeps beside a weight. */
export interface StateTensor {
  readonly kind: 'weights' | 'slots';
  readonly name: string;
  readonly shape: readonly number[];
}

/** Everything that training changes, weights first. */
export function stateTensors(
  network: Network,
  optimizer: Optimizer,
  frozen: readonly string[],
): Result<readonly StateTensor[], Diagnostic> {
  const described = describeNetwork(network);
  if (!described.ok) return described;
  const { slots: weights } = described.value;
  const kept = Object.keys(updateRule(optimizer).slots);
  const slots = weights
    .filter(({ trainable, layer }) => trainable && !frozen.includes(layer))
    .flatMap(({ name, shape }) => kept.map((slot): StateTensor => ({ kind: 'slots', name: `${name}/${slot}`, shape })));
  return ok([...weights.map(({ name, shape }): StateTensor => ({ kind: 'weights', name, shape })), ...slots]);
}

/** Whether a file holds weights alone, under their names, or slots too: `weights/…` and `slots/…`. */
export type StateNaming = 'plain' | 'by-kind';

export function storedName({ kind, name }: StateTensor, naming: StateNaming): string {
  return naming === 'plain' ? name : `${kind}/${name}`;
}

/** Numbers taken at a time: 32 MiB. */
const PIECE = 2 ** 23;

/**
 * Writes some of a session's state as safetensors, a piece in memory at a time, behind weights that stay as they are. Resolves to the
 * digest of the file, or to undefined, and leaves no file, when a number is not finite.
 */
export async function writeState(
  path: string,
  tensors: readonly StateTensor[],
  naming: StateNaming,
  session: TrainSession,
  constants: Weights = new Map(),
): Promise<Digest | undefined> {
  const plan = [
    ...[...constants].map(([name, { shape }]): TensorPlan => ({ name, dtype: 'F32', shape })),
    ...tensors.map((tensor): TensorPlan => ({ name: storedName(tensor, naming), dtype: 'F32', shape: tensor.shape })),
  ];
  const hash = createHash('sha256');
  const writer = new SafetensorsWriter(path, plan, { flush: false, hash });
  try {
    for (const { data } of constants.values()) writer.write(data);
    for (const group of askedTogether(tensors)) {
      const longest = Math.max(...group.map(({ shape }) => sizeOf(shape)));
      for (let from = 0; from < longest; from += PIECE) {
        const state = await session.state(
          group.map(({ name }) => name),
          { from, count: PIECE },
        );
        for (const { kind, name } of group) {
          const data = state[kind].get(name)?.data;
          if (!data) throw new Error(`the engine has no ${kind} ${name}`);
          if (!isAllFinite(data)) return undefined;
          writer.write(data);
        }
      }
    }
    writer.commit();
    return parseDigest(hash.digest('hex'));
  } finally {
    writer.discard();
  }
}

/** Neighbours that fit in one piece: an engine that has many steps to do answers each question behind them. */
function askedTogether(tensors: readonly StateTensor[]): readonly (readonly StateTensor[])[] {
  const groups: StateTensor[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    const size = sizeOf(tensor.shape);
    if (size <= room) groups.at(-1)?.push(tensor);
    else groups.push([tensor]);
    room = (size <= room ? room : PIECE) - size;
  }
  return groups;
}

function isAllFinite(numbers: Float32Array): boolean {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  return true;
}

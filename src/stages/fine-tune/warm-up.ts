/** Epochs in which only the head is trained, so that its random start does not spoil pretrained layers. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, parseDigest } from '../../base/digest.ts';
import { ok, type Result } from '../../base/result.ts';
import type { Engine } from '../../engines/engine.ts';
import { writeFileAtomically } from '../../files/atomic-file.ts';
import type { Weights } from '../../networks/network.ts';
import { readModelWeights } from '../scorer.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import { type Training, train } from '../training/training-loop.ts';

/** @returns what the training proper has instead: its initial weights after `epochs` with the layers of `names` frozen. */
export async function warmUp(
  training: Training,
  epochs: number,
  names: readonly string[],
  engine: Engine,
  context: RunContext,
): Promise<Result<Partial<Pick<Training, 'initial'>>, StageFailure>> {
  if (epochs === 0 || names.length === 0) return ok({});
  const finished = join(context.checkpoints, 'warm-up.json');
  const kept = context.force ? undefined : await weightsNamedIn(finished, context);
  if (kept) return ok({ initial: () => ok(kept) });
  const trained = await train(
    {
      ...training,
      settings: { ...training.settings, epochs, earlyStopping: null, learningRateSchedule: { type: 'constant' } },
      frozen: names,
      rateFactors: {},
    },
    engine,
    { ...context, checkpoints: join(context.checkpoints, 'warm-up') },
  );
  if (!trained.ok) return trained;
  writeFileAtomically(finished, JSON.stringify({ weights: trained.value.weights }), { flush: false });
  const weights = await weightsNamedIn(finished, context);
  if (!weights) throw new Error('the weights of the warm-up vanished');
  return ok({ initial: () => ok(weights) });
}

async function weightsNamedIn(path: string, context: Pick<RunContext, 'blobs'>): Promise<Weights | undefined> {
  if (!existsSync(path)) return undefined;
  const found = /"weights":"([0-9a-f]{64})"/.exec(readFileSync(path, 'utf8'))?.[1];
  const digest: Digest | undefined = found === undefined ? undefined : parseDigest(found);
  return digest && readModelWeights(digest, context);
}

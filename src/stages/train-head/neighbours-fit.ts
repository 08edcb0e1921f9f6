/** The model of k nearest neighbours: the training rows themselves, written to its file as they are read. */
import { join } from 'node:path';
import { problem } from '../../base/diagnostic.ts';
import type { Digest } from '../../base/digest.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { NeighboursSettings } from '../../classifiers/nearest-neighbours.ts';
import { SafetensorsWriter, type TensorPlan } from '../../files/safetensors.ts';
import { sizeOf } from '../../networks/network.ts';
import { KNOWN_LABELS, KNOWN_ROWS } from '../neighbours-session.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import type { Preparation } from './prepared-features.ts';

/** Whoever asks the model holds all its rows in memory. */
const LIMIT_BYTES = 2 ** 30;

/** Writes the rows of `order` with their labels. */
export async function storeNeighbours(
  { source, weights }: Preparation,
  order: Uint32Array,
  labels: Int32Array,
  { k }: NeighboursSettings,
  context: RunContext,
): Promise<Result<Digest, StageFailure>> {
  const width = sizeOf(source.shape);
  const count = order.length;
  const bytes = count * width * 4;
  const refused =
    k > count
      ? problem('S062', `knn: ${k} neighbours are asked for, but there are ${count} training rows`, {
          location: context.at('classifier'),
          help: `k may be at most ${count}`,
        })
      : bytes > LIMIT_BYTES
        ? problem('S064', `knn: a model of ${count} rows with ${width} features would take ${inMebibytes(bytes)}`, {
            location: context.at('classifier'),
            help: `at most ${inMebibytes(LIMIT_BYTES)}: reduce the features with \`pca: 100\` or pooling, or take another classifier`,
          })
        : undefined;
  if (refused) return err({ reason: 'diagnostics', diagnostics: [refused] });
  const plans: readonly TensorPlan[] = [
    ...Array.from(weights, ([name, { shape }]) => ({ name, dtype: 'F32', shape }) as const),
    { name: KNOWN_LABELS, dtype: 'F32', shape: [count] },
    { name: KNOWN_ROWS, dtype: 'F32', shape: [count, width] },
  ];
  const path = join(context.checkpoints, 'neighbours.safetensors');
  const writer = new SafetensorsWriter(path, plans, { flush: false });
  const reader = source.open(order, Math.max(1, Math.min(512, Math.floor(4_194_304 / width))));
  try {
    for (const { data } of weights.values()) writer.write(data);
    writer.write(Float32Array.from(labels));
    let done = 0;
    for (;;) {
      context.progress(done, count, `rows of a model of ${inMebibytes(bytes)}`);
      const next = await reader.next();
      if (!next.ok) return next;
      if (!next.value) break;
      if (context.signal.aborted) return err({ reason: 'interrupted' });
      const { input, rows } = next.value;
      writer.write(input.subarray(0, rows.length * width));
      reader.recycle(input);
      done += rows.length;
    }
    writer.commit();
  } finally {
    await reader.close();
    writer.discard();
  }
  return ok(await context.blobs.putFile(path));
}

function inMebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

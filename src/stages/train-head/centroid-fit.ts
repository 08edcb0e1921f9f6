/** Nearest centroid, and how sure it may be. */
import { ok, type Result } from '../../base/result.ts';
import { dot } from '../../classifiers/products.ts';
import { fitTemperature } from '../../classifiers/temperature.ts';
import { sizeOf } from '../../networks/network.ts';
import type { InputSource } from '../inputs/input-batches.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import type { ClassRows } from './class-rows.ts';
import type { LinearScores } from './linear-fit.ts';
import { eachChunk, meanOf } from './row-chunks.ts';

/**
 * p = softmax(−t·‖x − μ_c‖²), μ_c the mean of the class. t is the factor that makes the training rows most likely, each
 * measured against its class without itself: ‖x − μ_c without x‖ = n_c / (n_c − 1) · ‖x − μ_c‖. What all classes have in
 * common drops out of the softmax, and linear scores are left.
 */
export async function fitCentroids(
  source: InputSource,
  { order, labels, present }: ClassRows,
  context: RunContext,
): Promise<Result<LinearScores, StageFailure>> {
  const width = sizeOf(source.shape);
  const classes = present.length;
  const mean = await meanOf({ source, order }, context);
  if (!mean.ok) return mean;
  const rows = { source, order, offset: mean.value };
  const centroids = new Float64Array(classes * width);
  const counts = new Float64Array(classes);
  const summed = await eachChunk(
    rows,
    ({ first, count, numbers }) => {
      for (let row = 0; row < count; row++) {
        const c = labels[first + row] ?? 0;
        counts[c] = (counts[c] ?? 0) + 1;
        for (let j = 0; j < width; j++)
          centroids[c * width + j] = (centroids[c * width + j] ?? 0) + (numbers[row * width + j] ?? 0);
      }
    },
    context,
  );
  if (!summed.ok) return summed;
  for (let i = 0; i < centroids.length; i++) centroids[i] = (centroids[i] ?? 0) / (counts[Math.floor(i / width)] ?? 1);
  const scores = new Float64Array(order.length * classes);
  const measured = await eachChunk(
    rows,
    ({ first, count, numbers }) => {
      for (let row = 0; row < count; row++) {
        for (let c = 0; c < classes; c++) {
          const squared = squaredDistance(numbers, row * width, centroids, c * width, width);
          const others = (counts[c] ?? 0) - 1;
          const alone = labels[first + row] === c && others > 0;
          scores[(first + row) * classes + c] = -squared * (alone ? ((others + 1) / others) ** 2 : 1);
        }
      }
    },
    context,
  );
  if (!measured.ok) return measured;
  // The only row of its class has no class to be measured against.
  const told = Uint32Array.from(labels.keys()).filter((i) => (counts[labels[i] ?? 0] ?? 0) > 1);
  const chosen = new Float64Array(told.length * classes);
  for (const [at, i] of told.entries()) chosen.set(scores.subarray(i * classes, (i + 1) * classes), at * classes);
  const t =
    told.length === 0
      ? 1
      : fitTemperature(
          chosen,
          Int32Array.from(told, (i) => labels[i] ?? 0),
          classes,
        );
  const weights = centroids.map((x) => 2 * t * x);
  const intercepts = Float64Array.from(counts, (_, c) => {
    const centroid = centroids.subarray(c * width, (c + 1) * width);
    return -t * (dot(centroid, centroid) + 2 * dot(centroid, mean.value));
  });
  return ok(classes === 2 ? difference(weights, intercepts, width) : { weights, intercepts });
}

/** The one score that tells two classes apart. */
function difference(weights: Float64Array, intercepts: Float64Array, width: number): LinearScores {
  return {
    weights: weights.subarray(width).map((x, j) => x - (weights[j] ?? 0)),
    intercepts: Float64Array.of((intercepts[1] ?? 0) - (intercepts[0] ?? 0)),
  };
}

function squaredDistance(a: Float64Array, at: number, b: Float64Array, bAt: number, width: number): number {
  let sum = 0;
  for (let j = 0; j < width; j++) sum += ((a[at + j] ?? 0) - (b[bAt + j] ?? 0)) ** 2;
  return sum;
}

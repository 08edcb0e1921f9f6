/** Principal components of the training rows, as a dense layer without activation: what `sklearn.decomposition.PCA` gives. */
import { problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { MATRIX_ROWS } from '../../classifiers/gram.ts';
import { addWeightedRows } from '../../classifiers/products.ts';
import { type Spectrum, symmetricEigen } from '../../classifiers/symmetric-eigen.ts';
import { type Layer, sizeOf, type Weights } from '../../networks/network.ts';
import type { InputSource } from '../inputs/input-batches.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import { eachChunk, meanOf, type OrderedRows } from './row-chunks.ts';
import { gramOf, gramRounding } from './row-gram.ts';

export const PCA = 'pca';

/** Directions with less than this share of the greatest variance are rounding of float64. */
const ROUNDING = 1e-12;

export interface FittedComponents {
  readonly layer: Layer;
  readonly weights: Weights;
}

/**
 * The layer (x − mean)·V. `wanted` is a number of components, or below 1 the share of the variance that they explain: the
 * fewest whose shares add up to more. The greatest number of a component is positive.
 */
export async function principalComponents(
  source: InputSource,
  order: Uint32Array,
  wanted: number,
  context: RunContext,
): Promise<Result<FittedComponents, StageFailure>> {
  const width = sizeOf(source.shape);
  const most = Math.min(width, order.length);
  const refuse = (code: 'S063' | 'S064', message: string, help: string) =>
    err({
      reason: 'diagnostics',
      diagnostics: [problem(code, message, { location: context.at('pca'), help })],
    } as const);
  if (wanted > most)
    return refuse(
      'S063',
      `pca: ${wanted} components of ${order.length} training rows with ${width} features`,
      `there are at most ${most}`,
    );
  if (most > MATRIX_ROWS)
    return refuse(
      'S064',
      `pca: ${order.length} training rows with ${width} features would need a matrix of ${most} × ${most}`,
      `the smaller of both may be at most ${MATRIX_ROWS}: pool the features (extract-features: pooling), or learn from fewer rows (split: take)`,
    );
  const mean = await meanOf({ source, order }, context);
  if (!mean.ok) return mean;
  const rows = { source, order, offset: mean.value };
  const directions =
    order.length < width ? await fromRows(rows, wanted, context) : await fromFeatures(rows, wanted, context);
  if (!directions.ok) return directions;
  const vectors = directions.value;
  const count = vectors.length / width;
  const kernel = new Float32Array(width * count);
  const bias = new Float32Array(count);
  for (let v = 0; v < count; v++) {
    const vector = vectors.subarray(v * width, (v + 1) * width);
    const sign = signOf(vector);
    let shift = 0;
    vector.forEach((x, j) => {
      kernel[j * count + v] = sign * x;
      shift += sign * x * (mean.value[j] ?? 0);
    });
    bias[v] = -shift;
  }
  return ok({
    layer: { type: 'dense', name: PCA, units: count, activation: 'linear', bias: true, init: 'zeros' },
    weights: new Map([
      [`${PCA}/kernel`, { shape: [width, count], data: kernel }],
      [`${PCA}/bias`, { shape: [count], data: bias }],
    ]),
  });
}

/** Of the rows' products with each other: K = U·Λ·Uᵀ, V = Xᵀ·U·Λ^(−1/2). */
async function fromRows(
  rows: OrderedRows,
  wanted: number,
  context: RunContext,
): Promise<Result<Float64Array, StageFailure>> {
  const n = rows.order.length;
  const width = sizeOf(rows.source.shape);
  const gram = await gramOf(rows, context);
  if (!gram.ok) return gram;
  const spectrum = symmetricEigen(gram.value, n);
  const count = chosenCount(spectrum, wanted, gramRounding(n, width), context);
  if (!count.ok) return count;
  const shares = spectrum.vectors(count.value);
  for (let v = 0; v < count.value; v++) {
    const length = Math.sqrt(spectrum.values[v] ?? 1);
    for (let i = 0; i < n; i++) shares[v * n + i] = (shares[v * n + i] ?? 0) / length;
  }
  return weightedRows(rows, shares, count.value, width, context);
}

/** `Σ_i shares[v, i] · x_i`, `[vectors × width]`. */
export async function weightedRows(
  rows: OrderedRows,
  shares: Float64Array,
  vectors: number,
  width: number,
  context: Pick<RunContext, 'signal'>,
): Promise<Result<Float64Array, StageFailure>> {
  const n = rows.order.length;
  const sums = new Float64Array(vectors * width);
  const read = await eachChunk(
    rows,
    (chunk) => {
      const own = new Float64Array(chunk.count * vectors);
      for (let row = 0; row < chunk.count; row++)
        for (let v = 0; v < vectors; v++) own[row * vectors + v] = shares[v * n + chunk.first + row] ?? 0;
      addWeightedRows(chunk, own, vectors, sums, width);
    },
    context,
  );
  return read.ok ? ok(sums) : read;
}

/** Of the features' products with each other, Xᵀ·X. */
async function fromFeatures(
  rows: OrderedRows,
  wanted: number,
  context: RunContext,
): Promise<Result<Float64Array, StageFailure>> {
  const width = sizeOf(rows.source.shape);
  const moments = new Float64Array(width * width);
  const read = await eachChunk(
    rows,
    (chunk) => {
      // A row's own numbers are what its products with the features are weighted by.
      addWeightedRows(chunk, chunk.numbers, width, moments, width);
    },
    context,
  );
  if (!read.ok) return read;
  const spectrum = symmetricEigen(moments, width);
  const count = chosenCount(spectrum, wanted, ROUNDING, context);
  return count.ok ? ok(spectrum.vectors(count.value)) : count;
}

/** `rounding`: directions with less than this share of the greatest variance are none. */
function chosenCount(
  { values }: Spectrum,
  wanted: number,
  rounding: number,
  context: RunContext,
): Result<number, StageFailure> {
  const greatest = values[0] ?? 0;
  const rank = values.filter((value) => value > rounding * greatest).length;
  if (wanted >= 1) {
    if (wanted <= rank) return ok(wanted);
    const message = `pca: ${wanted} components, but the training rows differ in ${rank} directions only`;
    return err({
      reason: 'diagnostics',
      diagnostics: [
        problem('S063', message, {
          location: context.at('pca'),
          help: rank > 0 ? `at most ${rank}` : 'all training rows are equal',
        }),
      ],
    });
  }
  const total = values.subarray(0, rank).reduce((a, b) => a + b, 0);
  let explained = 0;
  for (let count = 0; count < rank; count++) {
    explained += (values[count] ?? 0) / total;
    if (explained > wanted) return ok(count + 1);
  }
  return ok(Math.max(1, rank));
}

/** 1 or −1, so that the number of greatest size becomes positive. */
function signOf(vector: Float64Array): number {
  let most = 0;
  for (const x of vector) if (Math.abs(x) > Math.abs(most)) most = x;
  return most < 0 ? -1 : 1;
}

/** Mean and variance of inputs, for a first layer that standardizes them: a batch norm whose statistics stay as they are. */
import { ok, type Result } from '../../base/result.ts';
import type { Layer, Weights } from '../../networks/network.ts';
import type { InputSource } from '../inputs/input-batches.ts';
import type { StageFailure } from '../stage-kind.ts';

export const STANDARDIZE = 'standardize';

/** The layer: (x − mean) / √(variance + epsilon) a channel; a channel that never varies becomes 0. */
export const standardizeLayer: Layer = { type: 'batch-norm', name: STANDARDIZE, momentum: 0.99, epsilon: 1e-6 };

/** Rows read at once. */
const BATCH = 128;

/**
 * Population mean and variance of each channel (the last axis) over the rows of `order`, in float64 by Welford's method
 * (Technometrics 4, 1962), as the weights of `standardizeLayer`.
 */
export async function standardization(inputs: InputSource, order: Uint32Array): Promise<Result<Weights, StageFailure>> {
  const channels = inputs.shape.at(-1) ?? 1;
  const places = inputs.shape.slice(0, -1).reduce((product, extent) => product * extent, 1);
  const mean = new Float64Array(channels);
  const squares = new Float64Array(channels);
  const reader = inputs.open(order, BATCH);
  let seen = 0;
  try {
    for (;;) {
      const batch = await reader.next();
      if (!batch.ok) return batch;
      if (!batch.value) break;
      const { input, rows } = batch.value;
      for (let place = 0; place < rows.length * places; place++) {
        seen++;
        for (let c = 0; c < channels; c++) {
          const x = input[place * channels + c] ?? 0;
          const delta = x - (mean[c] ?? 0);
          mean[c] = (mean[c] ?? 0) + delta / seen;
          squares[c] = (squares[c] ?? 0) + delta * (x - (mean[c] ?? 0));
        }
      }
      reader.recycle(input);
    }
  } finally {
    await reader.close();
  }
  const weight = (name: string, data: Float32Array) => [`${STANDARDIZE}/${name}`, { shape: [channels], data }] as const;
  return ok(
    new Map([
      weight('mean', Float32Array.from(mean)),
      weight(
        'variance',
        Float32Array.from(squares, (sum) => sum / seen),
      ),
    ]),
  );
}

import { problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { prepareBatches } from '../../data/prepare-batches.ts';
import type { RowTable } from '../../data/row-table.ts';
import { channelCount, type PixelSpec, preparedSize, type SettledPixels } from '../../images/pixel-spec.ts';
import type { ImagesArtifact } from '../artifacts.ts';
import type { RunContext, StageBody, StageFailure } from '../stage-kind.ts';
import type { PreprocessParams } from './index.ts';
import { pixelSpec } from './settled-spec.ts';

export const body: StageBody<PreprocessParams> = {
  async run(params, context) {
    const { rows, classes } = context.input('data', 'dataset');
    const settled = pixelSpec(params);
    const pixels: Result<PixelSpec, StageFailure> = settled
      ? ok(settled)
      : await measured(params, await context.rowTable(rows), context);
    if (!pixels.ok) return pixels;
    const images: ImagesArtifact = { type: 'images', classes, rows, pixels: pixels.value };
    return ok({ artifacts: { images } });
  },
};

/** Of values 0–255; below it is rounding. */
const LEAST_VARIANCE = 1e-6;

/**
 * Mean and deviation a channel over the training images, in float64. Rows go in the order of their image digests, so that the sums,
 * and with them the last bits, do not depend on the order of the file.
 */
async function measured(
  params: PreprocessParams,
  table: RowTable,
  context: RunContext,
): Promise<Result<PixelSpec, StageFailure>> {
  const plain = pixelSpec({ ...params, normalize: 'none' });
  if (!plain || plain.normalize === 'backbone') throw new Error('an unsettled spec');
  const spec: SettledPixels = { ...plain, normalize: plain.normalize };
  const channels = channelCount(params.channels);
  const order = [...table.rowsOf('train')].sort((a, b) => Buffer.compare(table.key(a), table.key(b)));
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  let images = 0;
  const size = preparedSize(spec);
  for await (const batch of prepareBatches({
    table,
    order,
    batch: 32,
    spec,
    source: context.images('data'),
    signal: context.signal,
  })) {
    if (!batch.ok) return err({ reason: 'diagnostics', diagnostics: [batch.error] });
    const { input, rows } = batch.value;
    for (let i = 0; i < rows.length * size; i++) {
      const value = input[i] ?? 0;
      sums[i % channels] = (sums[i % channels] ?? 0) + value;
      squares[i % channels] = (squares[i % channels] ?? 0) + value * value;
    }
    images += rows.length;
    context.progress(images, order.length);
  }
  if (context.signal.aborted) return err({ reason: 'interrupted' });
  if (images === 0) {
    const readable = order.length === 0 ? 'training images' : 'training images that can be read';
    const help = 'give `train` images, or name values: normalize: { mean: [128], std: [64] }';
    return err({
      reason: 'diagnostics',
      diagnostics: [
        problem('D015', `there are no ${readable} to measure \`normalize: dataset\` on`, {
          location: context.at('normalize'),
          help,
        }),
      ],
    });
  }
  const count = images * params.height * params.width;
  const mean = Array.from(sums, (sum) => sum / count);
  // A channel without any variance is left at its scale, as scikit-learn's StandardScaler does.
  const std = Array.from(squares, (square, channel) => {
    const variance = square / count - (mean[channel] ?? 0) ** 2;
    return variance > LEAST_VARIANCE ? Math.sqrt(variance) : 1;
  });
  return ok({ ...plain, normalize: { scale: 1, mean, std, reverse: false } });
}

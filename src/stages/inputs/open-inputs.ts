/** Whatever a model can read at a port, as a source of batches. */
import { ok, type Result } from '../../base/result.ts';
import { settle } from '../../data/prepare-batches.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { SettledPixels } from '../../images/pixel-spec.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import { openFeatures } from './feature-source.ts';
import { ImageInputs, SkippedImages } from './image-inputs.ts';
import type { InputSource } from './input-batches.ts';

export interface OpenInputs {
  readonly source: InputSource;
  readonly table: RowTable;
  close(): Promise<void>;
}

/** Opens features or images. `normalize` stands in for `normalize: backbone`, which names no values. */
export async function openInputs(
  port: string,
  context: RunContext,
  normalize: SettledPixels['normalize'] | undefined,
): Promise<Result<OpenInputs, StageFailure>> {
  const data = context.anyInput(port);
  if (data.type === 'images') {
    if (!normalize) throw new Error('images without a normalization');
    const table = await context.rowTable(data.rows);
    const skips = new SkippedImages(context.warn);
    const spec = settle(data.pixels, normalize);
    const source = new ImageInputs({ table, spec, images: context.images(port), skips });
    return ok({ source, table, close: async () => skips.finish(table.count) });
  }
  const opened = await openFeatures(port, context);
  if (!opened.ok) return opened;
  const { source, table, space } = opened.value;
  return ok({ source, table, close: () => space.close() });
}

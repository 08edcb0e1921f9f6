import type { JsonObject } from '../../base/json.ts';
import { err, ok } from '../../base/result.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { Producer } from '../../engines/engine.ts';
import { networkKey } from '../../engines/measured.ts';
import { choiceToJson } from '../../weights/backbone-choice.ts';
import type { ImagesArtifact } from '../artifacts.ts';
import { calibrationSample, calibrationToJson } from '../backbone/calibration.ts';
import { Extraction, missingRows, type PlannedExtraction, planExtraction } from '../backbone/extraction.ts';
import { pixelIdentity } from '../feature-space.ts';
import { distinctRows } from '../inputs/distinct-rows.ts';
import type { CountContext, PlannedForward, RowCounts, StageBody } from '../stage-kind.ts';
import { augmentedImages } from './augmented-images.ts';
import type { ExtractFeaturesParams } from './index.ts';

export const body: StageBody<ExtractFeaturesParams> = {
  async run(params, context) {
    const images = context.input('data', 'images');
    // The plan tells this beforehand, except of images that a kind of the user's own gives.
    if (images.pixels.augment) return err({ reason: 'diagnostics', diagnostics: [augmentedImages('the input')] });
    const table = await context.rowTable(images.rows);
    const extraction = await planned(params, images, table, context.resolved, context.strictProducer);
    if (!extraction.ok) return err({ reason: 'diagnostics', diagnostics: [extraction.error] });
    const job = new Extraction(extraction.value, table, context);
    const done = await job.run();
    if (!done.ok) return done;
    const { shape, computed, kept, calibration, producer } = done.value;
    const { space, pixels, backbone } = extraction.value;
    const source: JsonObject = {
      pixels: pixelIdentity(pixels),
      backbone: backbone.identity,
      precision: params.precision,
      ...(calibration && { calibration: calibrationToJson(calibration) }),
      choice: choiceToJson(backbone.choice),
    };
    const rows = kept.length === table.count ? images.rows : await context.blobs.put(table.select(kept).encode());
    const features = {
      type: 'features',
      classes: images.classes,
      rows,
      space: space.id,
      shape,
      store: params.store,
      source,
    } as const;
    const total = kept.length;
    return ok({
      artifacts: { features },
      rows: { total, computed, cached: total - computed },
      ...(producer && { producer }),
    });
  },

  async countRows(params, context): Promise<RowCounts | undefined> {
    const images = context.input('data', 'images');
    const table = images && (await context.rows('data'));
    if (!table) return undefined;
    const extraction = await planned(params, images, table, context.resolved, undefined);
    const space = extraction.ok ? await context.rowStore.find(extraction.value.space.id) : undefined;
    const rows = distinctRows(table);
    const missing = space ? missingRows(space, table, rows) : rows;
    await space?.close();
    const { id } = extraction.ok ? extraction.value.space : { id: '' };
    const added = missing.filter((row) => context.isNew(id, table.key(row)));
    const forward = params.precision === 'float32' && extraction.ok ? forwardOf(extraction.value) : undefined;
    return { total: table.count, cached: table.count - added.length, ...(forward && { forward }) };
  },
};

function forwardOf({ plan: { flops }, backbone: { choice } }: PlannedExtraction): PlannedForward | undefined {
  const { backbone } = choice;
  const network = backbone.type === 'built-in' ? networkKey(backbone.name, backbone.alpha) : undefined;
  return flops === undefined ? undefined : { flops, network };
}

async function planned(
  { precision, store }: ExtractFeaturesParams,
  images: ImagesArtifact,
  table: RowTable,
  { backbone }: CountContext['resolved'],
  producer: Producer | undefined,
) {
  if (!backbone) throw new Error('an extraction without a resolved backbone');
  const sample = precision === 'int8' ? calibrationSample(table) : undefined;
  const quantized = sample && { images: sample.images, sample };
  return planExtraction({ backbone, precision, quantized, store, producer }, images);
}

/** Answers of a model in the cache: the same pixels, backbone and head as in its pipeline. */
import { resolve } from 'node:path';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RowTable } from '../../data/row-table.ts';
import { Extraction, planExtraction } from '../../stages/backbone/extraction.ts';
import { type ModelSight, sightOf } from '../../stages/backbone/model-backbone.ts';
import { FeatureSource } from '../../stages/inputs/feature-source.ts';
import { ImageInputs, type SkippedImages } from '../../stages/inputs/image-inputs.ts';
import { forwardBatch, openModel } from '../../stages/scorer.ts';
import type { StageFailure } from '../../stages/stage-kind.ts';
import type { Answering, Asking, OpenAnswers } from './answering.ts';
import type { TrainedModel } from './find-model.ts';

export function trainedModel(found: TrainedModel): Answering {
  const { model, workspace } = found;
  return {
    name: found.name,
    classes: model.classes,
    async open(table, skips, asking) {
      const inputs = await openInputs(found, table, skips, asking);
      if (!inputs.ok) return inputs;
      const { source, rows, close } = inputs.value;
      const opened = await openModel(model, forwardBatch(source.shape), { ...asking, blobs: workspace.cache.blobs });
      if (!opened.ok) {
        await close();
        return opened;
      }
      const { session } = opened.value;
      return ok({
        source,
        rows,
        session,
        async close() {
          await session.close();
          await close();
        },
      });
    },
  };
}

type Inputs = Omit<OpenAnswers, 'session'>;

/** What the model reads of the images: their pixels, or features, which are kept by row like those of a pipeline. */
async function openInputs(
  { model, workspace, folder }: TrainedModel,
  table: RowTable,
  skips: SkippedImages,
  asking: Asking,
): Promise<Result<Inputs, StageFailure>> {
  const sight = await sightOf(model, {
    digests: workspace.digests,
    home: asking.home,
    resolvePath: (path) => resolve(folder, path),
  });
  if (!sight.ok) return diagnosed(sight.error);
  const { pixels, backbone } = sight.value;
  if (backbone) return openFeatures({ ...sight.value, backbone }, workspace.cache, table, skips, asking);
  const source = new ImageInputs({ table, spec: pixels, images: asking.images('data'), skips });
  const rows = Uint32Array.from({ length: table.count }, (_, row) => row);
  return ok({ source, rows, close: () => Promise.resolve() });
}

async function openFeatures(
  { pixels, backbone, precision, calibration }: ModelSight & { readonly backbone: NonNullable<ModelSight['backbone']> },
  { rowStore, claims }: TrainedModel['workspace']['cache'],
  table: RowTable,
  skips: SkippedImages,
  asking: Asking,
): Promise<Result<Inputs, StageFailure>> {
  const quantized = calibration && { images: calibration.images, calibration };
  const settings = { backbone, precision, quantized, producer: undefined } as const;
  const half = await planExtraction({ ...settings, store: 'float16' }, { pixels });
  const whole = await planExtraction({ ...settings, store: 'float32' }, { pixels });
  if (!half.ok) return diagnosed(half.error);
  if (!whole.ok) return diagnosed(whole.error);
  // The rows of the pipeline itself are used again, in the width in which it stored them.
  const known = await rowStore.find(half.value.space.id);
  await known?.close();
  const planned = known ? half.value : whole.value;
  const context = { ...asking, rowStore, claims, force: false };
  const extracted = await new Extraction(planned, table, context, skips).run();
  if (!extracted.ok) return extracted;
  const { shape, kept } = extracted.value;
  const space = await rowStore.find(planned.space.id);
  if (!space) return err({ reason: 'damaged-input', port: 'data', detail: 'the rows just computed are gone' });
  const features = { shape, store: planned.store, space: planned.space.id };
  return ok({ source: new FeatureSource(space, table, features, 'data'), rows: kept, close: () => space.close() });
}

function diagnosed(diagnostic: Diagnostic): Result<never, StageFailure> {
  return err({ reason: 'diagnostics', diagnostics: [diagnostic] });
}

/** What the first trained layer reads: stored rows of the frozen layers, or images run through them on the way. */
import { err, ok, type Result } from '../../base/result.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { Engine } from '../../engines/engine.ts';
import type { Weights } from '../../networks/network.ts';
import { Extraction } from '../backbone/extraction.ts';
import { FeatureSource } from '../inputs/feature-source.ts';
import { ImageInputs, SkippedImages } from '../inputs/image-inputs.ts';
import type { InputSource } from '../inputs/input-batches.ts';
import type { TrainingRows } from '../inputs/labelled-rows.ts';
import { forwardBatch } from '../scorer.ts';
import type { RunContext, StageFailure, StageOutcome } from '../stage-kind.ts';
import { FrozenInputs } from './frozen-inputs.ts';
import type { FineTuneParams } from './index.ts';
import { decideOnRows, type PlannedFineTuning, usedRows } from './plan-fine-tuning.ts';

export interface TrainedInputs {
  readonly source: InputSource;
  /** Of the row space, where there is one. */
  readonly rows?: StageOutcome['rows'];
  /** The rows whose images could be read, as far as that is known beforehand. */
  readable(rows: TrainingRows): TrainingRows;
  close(): Promise<void>;
}

export async function openTrainedInputs(
  planned: PlannedFineTuning,
  params: FineTuneParams,
  weights: Weights,
  table: RowTable,
  engine: Engine,
  context: RunContext,
): Promise<Result<TrainedInputs, StageFailure>> {
  const { extraction, cut, pixels } = planned;
  const used = usedRows(table);
  if (extraction && (await decideOnRows(planned, params, used, context.rowStore)).store) {
    const extracted = await new Extraction(extraction, used, context).run();
    if (!extracted.ok) return extracted;
    const space = await context.rowStore.find(extraction.space.id);
    if (!space) return err({ reason: 'damaged-input', port: 'data', detail: 'the rows of the frozen layers are gone' });
    const there = (row: number) => space.has(table.key(row));
    const { computed } = extracted.value;
    return ok({
      rows: { total: used.count, computed, cached: used.count - computed },
      source: new FeatureSource(
        space,
        table,
        { shape: cut.input, store: 'float32', space: extraction.space.id },
        'data',
      ),
      readable: ({ train, validation }) => ({ train: train.filter(there), validation: validation.filter(there) }),
      close: () => space.close(),
    });
  }
  const skips = new SkippedImages(context.warn);
  const images = new ImageInputs({
    table,
    spec: pixels,
    images: context.images('data'),
    skips,
    seed: context.seed,
  });
  const finish = async () => skips.finish(table.count);
  if (!cut.frozen) return ok({ source: images, readable: (rows) => rows, close: finish });
  const { network, last } = cut.frozen;
  const program = { kind: 'network', network, weights, layer: last, pooling: 'none' } as const;
  const most = forwardBatch(images.shape);
  const session = await engine.openForward(program, most);
  if (!session.ok) return err({ reason: 'diagnostics', diagnostics: [session.error] });
  const close = async () => {
    await session.value.close();
    await finish();
  };
  return ok({ source: new FrozenInputs(images, session.value, most), readable: (rows) => rows, close });
}

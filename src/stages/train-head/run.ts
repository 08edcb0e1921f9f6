import { err, ok } from '../../base/result.ts';
import { openFeatures } from '../inputs/feature-source.ts';
import { trainingRows } from '../inputs/labelled-rows.ts';
import type { StageBody } from '../stage-kind.ts';
import { fitClassifier } from './fit-classifier.ts';
import type { TrainHeadParams } from './index.ts';
import { trainLayers } from './train-layers.ts';

export const body: StageBody<TrainHeadParams> = {
  async run(params, context) {
    const features = context.input('data', 'features');
    const opened = await openFeatures('data', context);
    if (!opened.ok) return opened;
    const { source, table, space } = opened.value;
    try {
      const rows = trainingRows(table, context.warn);
      if (!rows.ok) return err({ reason: 'diagnostics', diagnostics: [rows.error] });
      const fitted =
        'classifier' in params
          ? await fitClassifier(params, source, table, rows.value.train, context)
          : await trainLayers(params, source, table, rows.value, context);
      if (!fitted.ok) return fitted;
      const { producer, ...model } = fitted.value;
      const reads = { type: 'features', source: features.source } as const;
      return ok({
        artifacts: { model: { type: 'model', classes: table.classes, reads, ...model } },
        ...(producer && { producer }),
      });
    } finally {
      await space.close();
    }
  },
};

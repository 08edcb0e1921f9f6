import { err, ok } from '../../base/result.ts';
import { randomWeights } from '../../networks/initializers.ts';
import { openFeatures } from '../inputs/feature-source.ts';
import { trainingRows } from '../inputs/labelled-rows.ts';
import type { StageBody } from '../stage-kind.ts';
import { epochOrder } from '../training/epoch-order.ts';
import { classifierNetwork } from '../training/layer-list.ts';
import { remembered } from '../training/remembered-inputs.ts';
import { STANDARDIZE, standardization, standardizeLayer } from '../training/standardization.ts';
import { train } from '../training/training-loop.ts';
import type { TrainHeadParams } from './index.ts';

/** Features of a data set up to this size are read and checked once, not in every epoch. */
const REMEMBERED_BYTES = 64 * 2 ** 20;

export const body: StageBody<TrainHeadParams> = {
  async run(params, context) {
    const features = context.input('data', 'features');
    const opened = await openFeatures('data', context);
    if (!opened.ok) return opened;
    const { source, table, space } = opened.value;
    try {
      const rows = trainingRows(table, context.warn);
      if (!rows.ok) return err({ reason: 'diagnostics', diagnostics: [rows.error] });
      const layers = params.standardize ? [standardizeLayer, ...params.layers] : params.layers;
      const network = classifierNetwork('head', features.shape, layers, table.classes.length, params);
      // Summed in an order that does not hang on the table's, so that the statistics have the same bits.
      const order = epochOrder(table, rows.value.train, context.seed, 0);
      const statistics = params.standardize ? await standardization(source, order) : ok(new Map());
      if (!statistics.ok) return statistics;
      const initial = () => {
        const drawn = randomWeights(network, context.seed);
        return drawn.ok ? ok(new Map([...drawn.value, ...statistics.value])) : drawn;
      };
      const engine = await context.engine();
      if (!engine.ok) return err({ reason: 'diagnostics', diagnostics: [engine.error] });
      const training = {
        network,
        initial,
        settings: params,
        seed: context.seed,
        table,
        rows: rows.value,
        inputs: remembered(source, rows.value.train.length + rows.value.validation.length, REMEMBERED_BYTES),
        frozen: params.standardize ? [STANDARDIZE] : [],
      };
      const trained = await train(training, engine.value, context);
      if (!trained.ok) return trained;
      const { weights, history, producer } = trained.value;
      const reads = { type: 'features', source: features.source } as const;
      return ok({
        artifacts: { model: { type: 'model', classes: table.classes, network, weights, reads, history } },
        producer,
      });
    } finally {
      await space.close();
    }
  },
};

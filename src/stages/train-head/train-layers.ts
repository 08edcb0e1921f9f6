/** A head of layers, trained by steps on stored features. */
import { err, ok, type Result } from '../../base/result.ts';
import type { RowTable } from '../../data/row-table.ts';
import { randomWeights } from '../../networks/initializers.ts';
import type { InputSource } from '../inputs/input-batches.ts';
import type { TrainingRows } from '../inputs/labelled-rows.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import { epochOrder } from '../training/epoch-order.ts';
import { classifierNetwork } from '../training/layer-list.ts';
import { remembering } from '../training/remembered-inputs.ts';
import { STANDARDIZE, standardization, standardizeLayer } from '../training/standardization.ts';
import { train } from '../training/training-loop.ts';
import type { FittedModel } from './fit-classifier.ts';
import type { DenseHeadParams } from './index.ts';
import { prepareFeatures } from './prepared-features.ts';

/** Features of a data set up to this size are read and checked once, not in every epoch. */
const REMEMBERED_BYTES = 64 * 2 ** 20;

function rememberingOf(table: RowTable, { train, validation }: TrainingRows) {
  return {
    table: table.count,
    rows: train.length + validation.length,
    bytes: REMEMBERED_BYTES,
  };
}

export function trainLayers(
  params: DenseHeadParams,
  source: InputSource,
  table: RowTable,
  rows: TrainingRows,
  context: RunContext,
): Promise<Result<FittedModel, StageFailure>> {
  return params.pca === undefined
    ? trainOnFeatures(params, source, table, rows, context)
    : trainOnComponents({ ...params, pca: params.pca }, source, table, rows, context);
}

async function trainOnFeatures(
  params: DenseHeadParams,
  source: InputSource,
  table: RowTable,
  rows: TrainingRows,
  context: RunContext,
): Promise<Result<FittedModel, StageFailure>> {
  const layers = params.standardize ? [standardizeLayer, ...params.layers] : params.layers;
  const network = classifierNetwork('head', source.shape, layers, table.classes.length, params);
  // Summed in an order that does not hang on the table's, so that the statistics have the same bits.
  const statistics = params.standardize
    ? await standardization(source, epochOrder(table, rows.train, context.seed, 0))
    : ok(new Map());
  if (!statistics.ok) return statistics;
  const initial = () => {
    const drawn = randomWeights(network, context.seed);
    return drawn.ok ? ok(new Map([...drawn.value, ...statistics.value])) : drawn;
  };
  const engine = await context.engine();
  if (!engine.ok) return err({ reason: 'diagnostics', diagnostics: [engine.error] });
  const { space, rows: tableDigest } = context.input('data', 'features');
  const training = {
    network,
    initial,
    settings: params,
    seed: context.seed,
    table,
    rows,
    frozen: params.standardize ? [STANDARDIZE] : [],
  };
  const trained = await remembering(
    source,
    { ...rememberingOf(table, rows), key: `${space} ${tableDigest}` },
    (inputs) => train({ ...training, inputs }, engine.value, context),
  );
  return trained.ok ? ok({ network, ...trained.value }) : trained;
}

/** The layers see the components alone; what makes components of features goes before them in the model. */
async function trainOnComponents(
  params: DenseHeadParams & { readonly pca: number },
  source: InputSource,
  table: RowTable,
  rows: TrainingRows,
  context: RunContext,
): Promise<Result<FittedModel, StageFailure>> {
  const prepared = await prepareFeatures(source, epochOrder(table, rows.train, context.seed, 0), params, context);
  if (!prepared.ok) return prepared;
  const { source: components, layers: before, weights: below, close } = prepared.value;
  try {
    const network = classifierNetwork('head', components.shape, params.layers, table.classes.length, params);
    const engine = await context.engine();
    if (!engine.ok) return err({ reason: 'diagnostics', diagnostics: [engine.error] });
    const { seed } = context;
    const initial = () => randomWeights(network, seed);
    const training = { network, initial, settings: params, seed, table, rows, below };
    const trained = await remembering(components, rememberingOf(table, rows), (inputs) =>
      train({ ...training, inputs }, engine.value, context),
    );
    if (!trained.ok) return trained;
    const whole = { ...network, input: source.shape, layers: [...before, ...network.layers] };
    return ok({ ...trained.value, network: whole });
  } finally {
    await close();
  }
}

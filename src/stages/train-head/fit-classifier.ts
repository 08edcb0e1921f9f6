/** A classifier that is solved for, from stored features to a model. */
import { join } from 'node:path';
import { err, ok, type Result } from '../../base/result.ts';
import { fitSigmoid } from '../../classifiers/sigmoid-calibration.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { Producer } from '../../engines/engine.ts';
import { writeSafetensors } from '../../files/safetensors.ts';
import type { ModelArtifact } from '../artifacts.ts';
import type { InputSource } from '../inputs/input-batches.ts';
import { classWeightValues } from '../inputs/labelled-rows.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import { epochOrder } from '../training/epoch-order.ts';
import { fitCentroids } from './centroid-fit.ts';
import { type ClassRows, classRows } from './class-rows.ts';
import type { ClassifierParams } from './index.ts';
import { fitLogistic, fitSvm, positiveClasses } from './linear-fit.ts';
import { type FittedLayers, sigmoidLayers, softmaxLayers } from './linear-layers.ts';
import { storeNeighbours } from './neighbours-fit.ts';
import { prepareFeatures } from './prepared-features.ts';

/** A model but for what it reads and its classes. */
export type FittedModel = Pick<ModelArtifact, 'network' | 'weights' | 'neighbours' | 'history'> & {
  readonly producer?: Producer;
};

export async function fitClassifier(
  params: ClassifierParams,
  features: InputSource,
  table: RowTable,
  train: Uint32Array,
  context: RunContext,
): Promise<Result<FittedModel, StageFailure>> {
  // In an order that does not hang on the table's, so that every sum has the same bits.
  const rows = classRows(table, epochOrder(table, train, context.seed, 0));
  const prepared = await prepareFeatures(features, rows.order, params, context);
  if (!prepared.ok) return prepared;
  const { source, layers, weights, close } = prepared.value;
  const networkOf = (own: FittedLayers['layers']) => ({
    name: 'head',
    input: features.shape,
    layers: [...layers, ...own],
  });
  try {
    const { classifier } = params;
    if (classifier.type === 'knn') {
      const { type: _, ...neighbours } = classifier;
      const labels = rows.labels.map((label) => rows.present[label] ?? 0);
      const stored = await storeNeighbours(prepared.value, rows.order, labels, neighbours, context);
      return stored.ok ? ok({ network: networkOf([]), weights: stored.value, neighbours, history: [] }) : stored;
    }
    const fitted = await fitLayers(params, source, rows, table, context);
    if (!fitted.ok) return fitted;
    const path = join(context.checkpoints, 'classifier.safetensors');
    writeSafetensors(path, new Map([...weights, ...fitted.value.weights]), { flush: false });
    return ok({ network: networkOf(fitted.value.layers), weights: await context.blobs.putFile(path), history: [] });
  } finally {
    await close();
  }
}

async function fitLayers(
  { classifier, classWeights }: ClassifierParams,
  source: InputSource,
  rows: ClassRows,
  table: RowTable,
  context: RunContext,
): Promise<Result<FittedLayers, StageFailure>> {
  const { present, labels } = rows;
  const classes = table.classes.length;
  if (classifier.type === 'knn') throw new Error('neighbours are no layers');
  if (classifier.type === 'nearest-centroid') {
    const scores = await fitCentroids(source, rows, context);
    return scores.ok ? ok(softmaxLayers(scores.value, present, classes)) : scores;
  }
  const byClass = classWeightValues(classWeights, table, rows.order);
  if (!byClass.ok) return err({ reason: 'diagnostics', diagnostics: [byClass.error] });
  const costs = Float64Array.from(labels, (label) => classifier.C * (byClass.value?.[present[label] ?? 0] ?? 1));
  const problem = { settings: classifier, source, rows, costs };
  if (classifier.type === 'logistic-regression') {
    const scores = await fitLogistic(problem, context);
    return scores.ok ? ok(softmaxLayers(scores.value, present, classes)) : scores;
  }
  const scores = await fitSvm(problem, context);
  if (!scores.ok) return scores;
  const positives = positiveClasses(rows);
  const { heldOut } = scores.value;
  const sigmoids = positives.map((positive, v) =>
    fitSigmoid(
      Float64Array.from(labels, (_, i) => heldOut[i * positives.length + v] ?? 0),
      Array.from(labels, (label) => label === positive),
    ),
  );
  return ok(sigmoidLayers(scores.value, sigmoids, present, classes));
}

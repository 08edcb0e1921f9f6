import type { Json } from '../../base/json.ts';
import type { Layer } from '../../networks/network.ts';
import { booleanIn, choiceIn, listIn, membersOf, numberIn } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { completeLayers, initializerNames, type KernelDefaults } from '../training/layer-list.ts';
import { completeTraining, type TrainingSettings } from '../training/training-settings.ts';
import { defaults } from './defaults.ts';

export interface TrainHeadParams extends TrainingSettings, KernelDefaults {
  /** All but the logits layer. */
  readonly layers: readonly Layer[];
  /** Whether a first layer brings every feature to mean 0 and variance 1 on the training rows. */
  readonly standardize: boolean;
}

function complete(given: Json): TrainHeadParams {
  const members = membersOf(given);
  const kernels: KernelDefaults = {
    init: choiceIn(members, 'init', initializerNames, defaults.init),
    l2: numberIn(members, 'l2', defaults.l2),
  };
  return {
    ...completeTraining(members),
    ...kernels,
    standardize: booleanIn(members, 'standardize', defaults.standardize),
    layers: completeLayers(listIn(members, 'layers', defaults.layers), kernels),
  };
}

/** A classifier on top of stored features. */
export const trainHead = defineStage<TrainHeadParams>({
  kind: 'train-head',
  version: 1,
  summary: 'Trains a classifier on stored features.',
  ports: { data: { accepts: ['features'] } },
  gives: { model: 'model' },
  draws: true,
  complete,
  loadBody: async () => (await import('./run.ts')).body,
});

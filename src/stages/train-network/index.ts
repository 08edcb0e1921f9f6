import type { Json } from '../../base/json.ts';
import type { Layer } from '../../networks/network.ts';
import { choiceIn, listIn, membersOf, numberIn, wordWithSettings } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { completeLayers, initializerNames, type KernelDefaults } from '../training/layer-list.ts';
import { completeTraining, type TrainingSettings } from '../training/training-settings.ts';
import { architectureNames, defaults } from './defaults.ts';

export interface ArchitectureChoice {
  readonly name: (typeof architectureNames)[number];
  readonly alpha: number;
}

export interface TrainNetworkParams extends TrainingSettings, KernelDefaults {
  /** A built-in network to start with; alone it keeps its own top. */
  readonly architecture: ArchitectureChoice | null;
  /** All but the logits layer; after an architecture they take the place of its top. */
  readonly layers: readonly Layer[];
}

function complete(given: Json): TrainNetworkParams {
  const members = membersOf(given);
  const kernels: KernelDefaults = {
    init: choiceIn(members, 'init', initializerNames, defaults.init),
    l2: numberIn(members, 'l2', defaults.l2),
  };
  const { architecture } = members;
  return {
    ...completeTraining(members),
    ...kernels,
    architecture: architecture === undefined ? null : completeArchitecture(architecture),
    layers: completeLayers(listIn(members, 'layers', defaults.layers), kernels),
  };
}

function completeArchitecture(given: Json): ArchitectureChoice {
  const [word, settings] = wordWithSettings(given);
  return {
    name: choiceIn({ name: word }, 'name', architectureNames, 'vgg16'),
    alpha: numberIn(membersOf(settings), 'alpha', defaults.alpha),
  };
}

/** A network trained from scratch on images. */
export const trainNetwork = defineStage<TrainNetworkParams>({
  kind: 'train-network',
  version: 1,
  summary: 'Trains a network from scratch on images.',
  ports: { data: { accepts: ['images'] } },
  gives: { model: 'model' },
  draws: true,
  complete,
  loadBody: async () => (await import('./run.ts')).body,
});

import { problem } from '../../base/diagnostic.ts';
import type { Json, JsonObject } from '../../base/json.ts';
import { err, ok } from '../../base/result.ts';
import { isLightTraining } from '../../engines/session-threads.ts';
import type { Layer } from '../../networks/network.ts';
import { booleanIn, choiceIn, listIn, membersOf, numberIn } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { classifierNetwork, completeLayers, initializerNames, type KernelDefaults } from '../training/layer-list.ts';
import { memberBytes } from '../training/memory-estimate.ts';
import {
  type ClassWeights,
  completeClassWeights,
  completeTraining,
  type TrainingSettings,
} from '../training/training-settings.ts';
import { type Classifier, type Components, completeClassifier, completeComponents } from './classifier-settings.ts';
import { defaults } from './defaults.ts';

/** A head of layers, trained by steps. */
export interface DenseHeadParams extends TrainingSettings, KernelDefaults {
  /** All but the logits layer. */
  readonly layers: readonly Layer[];
  /** Whether a first layer brings every feature to mean 0 and variance 1 on the training rows. */
  readonly standardize: boolean;
  /** Absent where all features stay. */
  readonly pca?: number;
}

/** A classifier that is solved for. */
export interface ClassifierParams {
  readonly classifier: Classifier;
  readonly standardize: boolean;
  readonly pca: Components;
  readonly classWeights: ClassWeights;
  /** Settings that were given and have no effect beside the classifier. */
  readonly idle: readonly string[];
}

export type TrainHeadParams = DenseHeadParams | ClassifierParams;

function complete(given: Json): TrainHeadParams {
  const members = membersOf(given);
  const standardize = booleanIn(members, 'standardize', defaults.standardize);
  const pca = completeComponents(members);
  const solved = members['classifier'] ?? defaults.classifier;
  if (solved !== 'none') {
    const classifier = completeClassifier(solved);
    const classWeights = completeClassWeights(members['classWeights'] ?? defaults.classWeights);
    return { classifier, standardize, pca, classWeights, idle: idleBeside(classifier, members) };
  }
  const kernels: KernelDefaults = {
    init: choiceIn(members, 'init', initializerNames, defaults.init),
    l2: numberIn(members, 'l2', defaults.l2),
  };
  return {
    ...completeTraining(members),
    ...kernels,
    standardize,
    ...(pca !== 'none' && { pca }),
    layers: completeLayers(listIn(members, 'layers', defaults.layers), kernels),
  };
}

function idleBeside({ type }: Classifier, members: JsonObject): readonly string[] {
  const linear = type === 'linear-svm' || type === 'logistic-regression';
  const used = ['classifier', 'standardize', 'pca', ...(linear ? ['classWeights'] : [])];
  return Object.keys(members).filter((key) => !used.includes(key));
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
  async resolve(params, { at }) {
    const idle = 'classifier' in params ? params.idle : [];
    if (idle.length > 0 && 'classifier' in params) {
      const message = (key: string) => `${key} has no effect beside classifier: ${params.classifier.type}`;
      return err(
        idle.map((key) =>
          problem('S060', message(key), { location: at(key), help: `remove ${key}, or \`classifier\`` }),
        ),
      );
    }
    const identity: JsonObject = JSON.parse(JSON.stringify(params));
    return ok({ identity });
  },
  together(params, { data }) {
    if ('classifier' in params || data?.type !== 'features') return undefined;
    const { batch, shuffle, optimizer, layers } = params;
    const network = classifierNetwork('head', data.shape, layers, data.classes.length, params);
    return {
      key: JSON.stringify({ batch, shuffle }),
      bytes: memberBytes({ network, frozen: [], optimizer, batch }),
      light: isLightTraining(network, batch),
    };
  },
  loadBody: async () => (await import('./run.ts')).body,
});

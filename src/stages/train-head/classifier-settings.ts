/** `classifier:` and what goes before it, with every default written out. */

import type { Json, JsonObject } from '../../base/json.ts';
import { metrics, type NeighboursSettings, voteWeights } from '../../classifiers/nearest-neighbours.ts';
import { choiceIn, membersOf, numberIn, wordWithSettings } from '../given-params.ts';

/** What the linear classifiers have in common. */
interface LinearSettings {
  /** Weight of the rows' losses against half the squared weights, as in scikit-learn: greater is freer. */
  readonly C: number;
  /** The fit ends where the gradient is this share of what it is with no weights at all. */
  readonly tolerance: number;
  readonly maxSteps: number;
}

export type Classifier =
  | ({ readonly type: 'linear-svm' | 'logistic-regression' } & LinearSettings)
  | ({ readonly type: 'knn' } & NeighboursSettings)
  | { readonly type: 'nearest-centroid' };

/** How many principal components stay: a number, the share of the variance that they must explain, or all features as they are. */
export type Components = 'none' | number;

export const classifierNames = ['linear-svm', 'logistic-regression', 'knn', 'nearest-centroid'] as const;

export const classifierDefaults = {
  linear: { C: 1, tolerance: 1e-6, maxSteps: 500 },
  knn: { k: 5, metric: 'euclidean', weights: 'uniform' },
} as const;

/** A name alone takes the defaults. */
export function completeClassifier(given: Json): Classifier {
  const [word, settings] = wordWithSettings(given);
  const members = membersOf(settings);
  const type = choiceIn({ type: word }, 'type', classifierNames, 'linear-svm');
  const { linear, knn } = classifierDefaults;
  switch (type) {
    case 'linear-svm':
    case 'logistic-regression':
      return {
        type,
        C: numberIn(members, 'C', linear.C),
        tolerance: numberIn(members, 'tolerance', linear.tolerance),
        maxSteps: numberIn(members, 'maxSteps', linear.maxSteps),
      };
    case 'knn':
      return {
        type,
        k: numberIn(members, 'k', knn.k),
        metric: choiceIn(members, 'metric', metrics, knn.metric),
        weights: choiceIn(members, 'weights', voteWeights, knn.weights),
      };
    case 'nearest-centroid':
      return { type };
  }
}

/** `pca:` of a stage. */
export function completeComponents(members: JsonObject): Components {
  const given = members['pca'] ?? 'none';
  return given === 'none' ? 'none' : numberIn(members, 'pca', 0);
}

/** TypeBox schema of `classifier:` and `pca:`. Imported by `params.ts` alone. */
import { Type } from 'typebox';
import { metrics, voteWeights } from '../../classifiers/nearest-neighbours.ts';
import { classifierDefaults, classifierNames } from './classifier-settings.ts';

const closed = { additionalProperties: false };
const { linear, knn } = classifierDefaults;

const linearSettings = Type.Object(
  {
    C: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        default: linear.C,
        description:
          'Weight of the rows against half the squared weights, as in scikit-learn. A smaller C is smoother.',
      }),
    ),
    tolerance: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        exclusiveMaximum: 1,
        default: linear.tolerance,
        description: 'The fit ends where the gradient is this share of what it is with no weights at all.',
      }),
    ),
    maxSteps: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: linear.maxSteps,
        description: 'Newton steps after which a fit that has not converged fails. Ten to thirty are usual.',
      }),
    ),
  },
  closed,
);

const neighboursSettings = Type.Object(
  {
    k: Type.Optional(Type.Integer({ minimum: 1, default: knn.k, description: 'Neighbours that vote.' })),
    metric: Type.Optional(
      Type.Enum([...metrics], {
        default: knn.metric,
        description: 'What near means. cosine looks at directions alone.',
      }),
    ),
    weights: Type.Optional(
      Type.Enum([...voteWeights], {
        default: knn.weights,
        description: 'Whether every neighbour has one vote, or 1 / distance.',
      }),
    ),
  },
  closed,
);

const linearSvm = 'Support vector machine: squared hinge, one class against the rest. Probabilities by Platt scaling.';
const logistic = 'Logistic regression: multinomial, L2, to convergence.';

export const classifierSchema = {
  classifier: Type.Optional(
    Type.Union(
      [
        Type.Literal('none', { description: 'A head of `layers`, trained by steps.' }),
        Type.Enum([...classifierNames], { description: 'A name alone takes the defaults.' }),
        Type.Object({ 'linear-svm': linearSettings }, { ...closed, description: linearSvm }),
        Type.Object({ 'logistic-regression': linearSettings }, { ...closed, description: logistic }),
        Type.Object({ knn: neighboursSettings }, { ...closed, description: 'k nearest neighbours, exactly.' }),
        Type.Object(
          { 'nearest-centroid': Type.Object({}, closed) },
          { ...closed, description: 'The class whose mean is nearest.' },
        ),
      ],
      {
        default: 'none',
        description:
          'A classifier that is solved for instead of trained by steps: a name, or a map of the name and its settings. It takes the place of `layers` and of all settings of the training.',
      },
    ),
  ),
  pca: Type.Optional(
    Type.Union(
      [
        Type.Literal('none'),
        Type.Integer({ minimum: 1, description: 'This many components.' }),
        Type.Number({
          exclusiveMinimum: 0,
          exclusiveMaximum: 1,
          description: 'As many components as explain this share of the variance.',
        }),
      ],
      {
        default: 'none',
        description:
          'Principal components of the (standardized) features of the training rows, which take the place of the features.',
      },
    ),
  ),
};

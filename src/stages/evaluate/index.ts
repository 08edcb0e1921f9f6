import type { Json } from '../../base/json.ts';
import { choiceIn, listIn, membersOf, numberIn, textIn } from '../given-params.ts';
import { defineStage } from '../stage-kind.ts';
import { type Bound, parseBound } from './bounds.ts';
import { defaults, evaluateChoices, metricChoices } from './defaults.ts';
import { metricNames } from './metric-names.ts';

export type MetricName = (typeof metricChoices)[number];

export interface EvaluateParams {
  readonly on: (typeof evaluateChoices)[number];
  readonly metrics: readonly MetricName[];
  readonly topK: number;
  /** How many of the worst mistakes are kept, with their names. */
  readonly mistakes: number;
  readonly assert: readonly Bound[];
}

function complete(given: Json): EvaluateParams {
  const members = membersOf(given);
  const asked = listIn(members, 'metrics', defaults.metrics);
  const bounds = membersOf(members['assert'] ?? defaults.assert);
  return {
    on: choiceIn(members, 'on', evaluateChoices, defaults.on),
    metrics: metricChoices.filter((name) => asked.includes(name)),
    topK: numberIn(members, 'topK', defaults.topK),
    mistakes: numberIn(members, 'mistakes', defaults.mistakes),
    assert: Object.keys(bounds)
      .sort()
      .map((metric) => parseBound(metric, textIn(bounds, metric, ''))),
  };
}

/** How good a model or its predictions are. */
export const evaluate = defineStage<EvaluateParams>({
  kind: 'evaluate',
  version: 1,
  summary: 'Scores a model, or predictions, against the labels, beside the majority-class baseline.',
  ports: { data: { accepts: ['features', 'images', 'predictions'] }, model: { accepts: ['model'], optional: true } },
  gives: { metrics: 'metrics' },
  draws: false,
  complete,
  metricNames,
  loadBody: async () => (await import('./run.ts')).body,
});

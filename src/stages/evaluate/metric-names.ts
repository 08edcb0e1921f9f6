import type { EvaluateParams, MetricName } from './index.ts';

/** Names of the scalars that a stage with these params gives, in the order in which they are shown. */
export function metricNames({ metrics, topK }: Pick<EvaluateParams, 'metrics' | 'topK'>): readonly string[] {
  const more: Readonly<Record<MetricName, readonly string[]>> = {
    'log-loss': [],
    accuracy: [],
    'top-k': [`top-${topK}`],
    'confusion-matrix': [],
    'per-class': ['macro-precision', 'macro-recall', 'macro-f1'],
    brier: ['brier'],
    'calibration-error': ['calibration-error'],
  };
  return ['log-loss', 'accuracy', 'baseline-accuracy', 'baseline-log-loss', ...metrics.flatMap((name) => more[name])];
}

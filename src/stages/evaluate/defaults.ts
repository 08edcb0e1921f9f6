export const metricChoices = [
  'log-loss',
  'accuracy',
  'top-k',
  'confusion-matrix',
  'per-class',
  'brier',
  'calibration-error',
] as const;

/** `auto` is the validation split of data, and every labelled row of predictions. */
export const evaluateChoices = ['auto', 'train', 'validation', 'test', 'all'] as const;

export const defaults = {
  on: 'auto',
  metrics: ['log-loss', 'accuracy', 'confusion-matrix', 'per-class'],
  topK: 5,
  mistakes: 10,
  assert: {},
} as const;

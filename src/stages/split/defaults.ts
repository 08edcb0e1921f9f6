export const defaults = {
  validation: 0,
  test: 0,
  stratify: true,
  seed: null,
  groupBy: null,
  take: null,
  takePerClass: null,
  folds: null,
  fold: 1,
} as const;

export const defaults = {
  validation: 0,
  test: 0,
  stratify: true,
  seed: null,
  groupBy: null,
  take: null,
  takePerClass: null,
} as const;

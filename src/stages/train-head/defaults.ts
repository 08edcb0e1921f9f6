import { trainingDefaults } from '../training/training-settings.ts';

export const defaults = {
  ...trainingDefaults,
  layers: [],
  init: 'glorot-uniform',
  l2: 0,
  standardize: false,
  pca: 'none',
  classifier: 'none',
} as const;

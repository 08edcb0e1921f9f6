import { backboneDefaults } from '../backbone/backbone-defaults.ts';
import { trainingDefaults } from '../training/training-settings.ts';

export const cacheFrozenChoices = ['auto', 'always', 'never'] as const;

/** A batch and a rate that suit networks with pretrained weights: the tutorial's. */
export const defaults = {
  ...trainingDefaults,
  ...backboneDefaults,
  batch: 16,
  epochs: 10,
  optimizer: { sgd: { learningRate: 0.001, momentum: 0.9, nesterov: true } },
  freeze: 'none',
  head: [],
  init: 'glorot-uniform',
  l2: 0,
  rates: {},
  warmup: 0,
  batchNorm: 'frozen',
  cacheFrozen: 'auto',
} as const;

import { trainingDefaults } from '../training/training-settings.ts';

export const architectureNames = ['vgg16', 'vgg19', 'mobilenet-v1', 'vgg-mini'] as const;

export const defaults = { ...trainingDefaults, layers: [], init: 'glorot-uniform', l2: 0, alpha: 1 } as const;

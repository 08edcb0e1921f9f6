import { backboneDefaults } from '../backbone/backbone-defaults.ts';

export const defaults = { ...backboneDefaults, store: 'float32', precision: 'float32' } as const;

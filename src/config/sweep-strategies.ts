/** Names of the strategies that a `sweep:` block may take. */
export const SWEEP_STRATEGIES = ['grid', 'zip', 'random', 'sobol', 'halving', 'asha', 'tpe'] as const;

export type SweepStrategyName = (typeof SWEEP_STRATEGIES)[number];

export const defaults = { on: 'test', file: 'predictions.csv', probabilities: false } as const;

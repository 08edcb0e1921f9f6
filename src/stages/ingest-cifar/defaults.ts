export const defaults = { train: null, validation: null, test: null, format: 'cifar-10', labels: null } as const;

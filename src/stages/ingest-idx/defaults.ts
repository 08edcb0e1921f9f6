export const defaults = { train: null, validation: null, test: null } as const;

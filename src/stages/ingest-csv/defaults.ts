export const defaults = { filenameColumn: null, labelColumn: null, delimiter: ',' } as const;

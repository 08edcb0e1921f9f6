export const defaults = { inputs: {}, outputs: {}, timeoutSeconds: 0 } as const;

/** Ports of an exec stage: one a type, so that a command can read any of them, or several. */
export const execPorts = ['data', 'model', 'predictions', 'metrics', 'files'] as const;

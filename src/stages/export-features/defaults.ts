export const formats = ['npy', 'parquet', 'safetensors'] as const;

export const defaults = { format: 'npy', on: 'all', file: 'features' } as const;

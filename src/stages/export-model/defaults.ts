export const defaults = { format: 'onnx', withBackbone: true } as const;

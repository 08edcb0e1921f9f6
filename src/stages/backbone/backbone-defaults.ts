export const backboneDefaults = { top: false, layer: null, pooling: 'none', alpha: 1, randomSeed: 0 } as const;

/** Weights where none are named: ImageNet's where Keras publishes them, else what comes with the backbone. */
export function defaultWeights(backbone: string): 'imagenet' | 'included' {
  return backbone === 'vgg16' || backbone === 'vgg19' || backbone === 'mobilenet-v1' ? 'imagenet' : 'included';
}

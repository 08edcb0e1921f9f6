export const defaults = {
  size: [224, 224],
  fit: 'fill',
  kernel: 'bilinear',
  channels: 'rgb',
  crop: null,
  normalize: 'backbone',
  onBadImage: 'fail',
} as const;

export const defaults = {
  size: [224, 224],
  fit: 'fill',
  kernel: 'bilinear',
  channels: 'rgb',
  crop: null,
  normalize: 'backbone',
  onBadImage: 'fail',
  augment: null,
} as const;

/** Each leaves the images as they are. */
export const augmentDefaults = {
  flip: 'none',
  shift: 0,
  rotate: 0,
  zoom: 0,
  shear: 0,
  contrast: 0,
  brightness: 0,
  fill: 'nearest',
} as const;

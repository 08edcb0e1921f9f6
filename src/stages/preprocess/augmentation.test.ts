import { describe, expect, it } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { preprocess } from './index.ts';

const none = {
  flip: 'none',
  shift: { height: 0, width: 0 },
  rotate: 0,
  zoom: 0,
  shear: 0,
  contrast: 0,
  brightness: 0,
  fill: 'nearest',
};

describe('augment', () => {
  it('has its defaults written out, and one share for both directions', () => {
    expect(preprocess.complete({ augment: { flip: 'horizontal' } }).augment).toEqual({ ...none, flip: 'horizontal' });
    const even = preprocess.complete({ augment: { shift: 0.1 } }).augment;
    expect(even).toEqual({ ...none, shift: { height: 0.1, width: 0.1 } });
    expect(preprocess.complete({ augment: { shift: { height: 0.1, width: 0.1 } } }).augment).toEqual(even);
    expect(preprocess.complete({ augment: { shift: { width: 0.3 } } }).augment).toEqual({
      ...none,
      shift: { height: 0, width: 0.3 },
    });
  });

  it('is none where it changes nothing', () => {
    const plain = preprocess.complete({});
    for (const augment of [null, { rotate: 0 }, { fill: 'black' }, { shift: { height: 0 } }])
      expect(preprocess.complete({ augment })).toEqual(plain);
    expect(plain.augment).toBe(null);
  });

  it('reaches the artifact', () => {
    const params = preprocess.complete({ normalize: 'unit', augment: { zoom: 0.2 } });
    expect(preprocess.preview?.(params, digestOf('rows'))).toMatchObject({
      pixels: { augment: { ...none, zoom: 0.2 } },
    });
  });
});

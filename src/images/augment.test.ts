import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../base/digest.ts';
import { changeImage, drawChange, type ImageChange } from './augment.ts';
import { type Augmentation, fillModes } from './pixel-spec.ts';

interface Vectors {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly pixels: readonly number[];
  readonly cases: readonly { readonly change: ImageChange; readonly expected: readonly number[] }[];
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../test/vectors/augment/vectors.json', import.meta.url), 'utf8'),
);
const pixels = Uint8Array.from(vectors.pixels);
const still: ImageChange = {
  flipHorizontal: false,
  flipVertical: false,
  down: 0,
  right: 0,
  rotate: 0,
  zoom: 1,
  shear: 0,
  contrast: 1,
  brightness: 0,
  fill: 'nearest',
};

describe('changeImage', () => {
  it.each(vectors.cases.map(({ change, expected }) => [describeChange(change), change, expected] as const))(
    'resamples as SciPy does: %s',
    (_name, change, expected) => {
      const changed = changeImage(pixels, vectors, change);
      expect(changed).toHaveLength(expected.length);
      changed.forEach((value, at) => {
        expect(Math.abs(value - (expected[at] ?? Number.NaN)), `number ${at}`).toBeLessThan(2e-4);
      });
    },
  );

  it('flips without touching a bit, and back', () => {
    for (const flip of [
      { flipHorizontal: true },
      { flipVertical: true },
      { flipHorizontal: true, flipVertical: true },
    ]) {
      const once = changeImage(pixels, vectors, { ...still, ...flip });
      expect(once).not.toEqual(Float32Array.from(pixels));
      expect(changeImage(Uint8Array.from(once), vectors, { ...still, ...flip })).toEqual(Float32Array.from(pixels));
    }
  });

  it('stays between 0 and 255, and in a plain image plain', () => {
    const changes = fc.record({
      flipHorizontal: fc.boolean(),
      flipVertical: fc.boolean(),
      down: fc.double({ min: -100, max: 100, noNaN: true }),
      right: fc.double({ min: -100, max: 100, noNaN: true }),
      rotate: fc.double({ min: -4, max: 4, noNaN: true }),
      zoom: fc.double({ min: 0.05, max: 3, noNaN: true }),
      shear: fc.double({ min: -1.4, max: 1.4, noNaN: true }),
      contrast: fc.double({ min: 0, max: 2, noNaN: true }),
      brightness: fc.double({ min: -255, max: 255, noNaN: true }),
      fill: fc.constantFrom(...fillModes),
    });
    fc.assert(
      fc.property(changes, (change) => {
        for (const value of changeImage(pixels, vectors, change)) expect(value >= 0 && value <= 255.001).toBe(true);
        if (change.fill === 'black') return;
        const plain = changeImage(new Uint8Array(pixels.length).fill(90), vectors, change);
        const expected = Math.min(255, Math.max(0, 90 + change.brightness));
        for (const value of plain) expect(Math.abs(value - expected)).toBeLessThan(1e-3);
      }),
    );
  });
});

const wide: Augmentation = {
  flip: 'both',
  shift: { height: 0.1, width: 0.2 },
  rotate: 20,
  zoom: 0.3,
  shear: 10,
  contrast: 0.4,
  brightness: 0.5,
  fill: 'reflect',
};
const extents = { height: 40, width: 50 };
const imageOf = (number: number) => Buffer.from(digestOf(`image ${number}`), 'hex');

describe('drawChange', () => {
  it('hangs on seed, image and epoch alone', () => {
    const draw = (seed: number, epoch: number, image: number) =>
      drawChange(wide, extents, { seed, epoch, image: imageOf(image) });
    expect(draw(1, 2, 3)).toEqual(draw(1, 2, 3));
    for (const other of [draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4)]) expect(other).not.toEqual(draw(1, 2, 3));
  });

  it('draws every setting for itself', () => {
    const draws = { seed: 5, epoch: 0, image: imageOf(0) };
    const { rotate, ...others } = drawChange(wide, extents, draws);
    const { rotate: none, ...same } = drawChange({ ...wide, rotate: 0 }, extents, draws);
    expect(none === 0 && rotate !== 0).toBe(true);
    expect(same).toEqual(others);
  });

  it('spreads evenly over the ranges asked for', () => {
    const drawn = Array.from({ length: 2000 }, (_, i) =>
      drawChange(wide, extents, { seed: 1, epoch: i % 3, image: imageOf(i) }),
    );
    const degree = Math.PI / 180;
    const ranges = [
      ['down', -4, 4],
      ['right', -10, 10],
      ['rotate', -20 * degree, 20 * degree],
      ['zoom', 0.7, 1.3],
      ['shear', -10 * degree, 10 * degree],
      ['contrast', 0.6, 1.4],
      ['brightness', -127.5, 127.5],
    ] as const;
    for (const [key, low, high] of ranges) {
      const shares = drawn.map((change) => (change[key] - low) / (high - low));
      expect([Math.min(...shares) >= 0, Math.max(...shares) <= 1]).toEqual([true, true]);
      expect(Math.abs(shares.reduce((sum, share) => sum + share, 0) / shares.length - 0.5), key).toBeLessThan(0.03);
      expect(shares.filter((share) => share < 0.1).length / shares.length, key).toBeGreaterThan(0.07);
    }
    const flipped = drawn.filter(({ flipHorizontal }) => flipHorizontal).length;
    const both = drawn.filter(({ flipHorizontal, flipVertical }) => flipHorizontal && flipVertical).length;
    expect(Math.abs(flipped / 2000 - 0.5)).toBeLessThan(0.05);
    expect(Math.abs(both / 2000 - 0.25)).toBeLessThan(0.05);
  });

  it('flips only as asked', () => {
    const flips = (flip: Augmentation['flip']) =>
      Array.from({ length: 50 }, (_, i) =>
        drawChange({ ...wide, flip }, extents, { seed: 1, epoch: 0, image: imageOf(i) }),
      );
    expect(flips('none').some(({ flipHorizontal, flipVertical }) => flipHorizontal || flipVertical)).toBe(false);
    expect(flips('horizontal').some(({ flipVertical }) => flipVertical)).toBe(false);
    expect(flips('horizontal').some(({ flipHorizontal }) => flipHorizontal)).toBe(true);
    expect(flips('vertical').some(({ flipHorizontal }) => flipHorizontal)).toBe(false);
  });
});

/** What differs from leaving the image as it is. */
function describeChange(change: ImageChange): string {
  const other = Object.entries(change).filter(([key, value]) =>
    Object.entries(still).every(([k, v]) => k !== key || v !== value),
  );
  return other.map(([key, value]) => `${key} ${value}`).join(', ') || 'nothing';
}

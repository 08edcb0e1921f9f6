/** Making smaller without libvips: its bits, but for a place halfway between two of its table now and then. */
import fc from 'fast-check';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { fits } from './pixel-spec.ts';
import { shrink } from './shrink.ts';

/** Ours and sharp's; sharp's names of fits that neither cut nor pad. */
const KERNELS = {
  bilinear: 'linear',
  cubic: 'cubic',
  mitchell: 'mitchell',
  lanczos2: 'lanczos2',
  lanczos3: 'lanczos3',
} as const;
const FITS = { fill: 'fill', cover: 'outside', contain: 'inside' } as const;
const kernels = ['bilinear', 'cubic', 'mitchell', 'lanczos2', 'lanczos3'] as const;

const cases = (most: number, least: number) =>
  fc.record({
    height: fc.integer({ min: 1, max: most }),
    width: fc.integer({ min: 1, max: most }),
    // Shares of the old size: around one and two as often as far below.
    down: fc.oneof(fc.double({ min: least, max: 1, noNaN: true }), fc.double({ min: least, max: 0.3, noNaN: true })),
    across: fc.oneof(fc.double({ min: least, max: 1, noNaN: true }), fc.double({ min: least, max: 0.3, noNaN: true })),
    channels: fc.constantFrom<1 | 3>(1, 3),
    fit: fc.constantFrom(...fits),
    kernel: fc.constantFrom(...kernels),
    seed: fc.integer({ min: 1, max: 1000 }),
  });

async function same(most: number, least: number, numRuns: number): Promise<void> {
  let made = 0;
  let others = 0;
  await fc.assert(
    fc.asyncProperty(cases(most, least), async ({ height, width, down, across, channels, fit, kernel, seed }) => {
      const data = Uint8Array.from({ length: height * width * channels }, (_, i) => (i * i * seed + i * 13) % 256);
      const wanted = { height: Math.ceil(height * down) || 1, width: Math.ceil(width * across) || 1 };
      const found = shrink({ data, height, width, channels }, wanted, fit, kernel);
      if (!found) return;
      made++;
      const image = sharp(data, { raw: { height, width, channels } }).toColourspace(channels === 1 ? 'b-w' : 'srgb');
      const { data: bits, info } = await image
        .resize({ ...wanted, fit: FITS[fit], kernel: KERNELS[kernel] })
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect([found.height, found.width, found.channels]).toEqual([info.height, info.width, info.channels]);
      expect(found.data.every((value, i) => Math.abs(value - (bits[i] ?? 0)) <= 1)).toBe(true);
      if (Buffer.compare(found.data, bits) !== 0) others++;
    }),
    { numRuns },
  );
  expect(made).toBeGreaterThan(numRuns * 0.8);
  expect(others).toBeLessThan(1 + numRuns / 100);
}

it('gives the bits of libvips, whatever the size, the fit and the kernel', () => same(120, 0, 400), 60_000);

it('also of photographs: many times as large, and nearly as large', () => same(900, 0.02, 15), 60_000);

it('leaves alone what would grow', () => {
  const image = { data: new Uint8Array(12), height: 3, width: 4, channels: 1 };
  for (const [height, width] of [
    [4, 4],
    [3, 5],
  ] as const)
    expect(shrink(image, { height, width }, 'fill', 'cubic')).toBeUndefined();
  expect(image.data).toEqual(new Uint8Array(12));
});

/** JPEG files by their header, and without profiles that change nothing: the pixels that sharp gives by itself, within one of 255. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { segment } from '../../test/jpeg-writer.ts';
import { sharedPath } from '../../test/shared-data.ts';
import { DECODER_VERSION } from './decoder-version.ts';
import { readJpegHeader } from './jpeg-header.ts';
import { channelModes, fits, kernels, preparedSize, type SettledPixels } from './pixel-spec.ts';
import type { Extent } from './pixels.ts';
import { prepare, prepareAtOnce } from './prepare.ts';
import { conversionOf } from './profile-conversion.ts';

const [height, width] = [48, 60];
const spec: SettledPixels = {
  height,
  width,
  fit: 'fill',
  kernel: 'bilinear',
  channels: 'rgb',
  crop: null,
  normalize: { scale: 1, mean: [0], std: [1], reverse: false },
  augment: null,
  onBadImage: 'fail',
  decoder: DECODER_VERSION,
};

async function ours(bytes: Uint8Array, more: Partial<SettledPixels> = {}): Promise<Float32Array> {
  const wanted = { ...spec, ...more };
  const into = new Float32Array(preparedSize(wanted));
  const done = await prepare({ kind: 'encoded', bytes, path: 'photo' }, wanted, into, 0);
  if (!done.ok) throw new Error(done.error.message);
  return into;
}

function sharps(bytes: Uint8Array, size: Extent = { height, width }): Promise<Buffer> {
  return sharp(bytes, { autoOrient: true })
    .toColourspace('srgb')
    .resize({ ...size, fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false })
    .raw()
    .toBuffer();
}

function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? Number.NaN))));
}

const noise = Uint8Array.from({ length: 90 * 70 * 3 }, (_, i) => (i * i * 7 + i * 13) % 256);
const photo = () => sharp(noise, { raw: { height: 70, width: 90, channels: 3 } });

describe('the header', () => {
  it('tells the extents that sharp tells, whatever the encoding', async () => {
    const settings = fc.record({
      height: fc.integer({ min: 1, max: 90 }),
      width: fc.integer({ min: 1, max: 90 }),
      progressive: fc.boolean(),
      chromaSubsampling: fc.constantFrom('4:4:4', '4:2:0'),
      quality: fc.integer({ min: 1, max: 100 }),
    });
    await fc.assert(
      fc.asyncProperty(settings, async ({ height, width, ...jpeg }) => {
        const bytes = await photo().resize({ height, width, fit: 'fill' }).jpeg(jpeg).toBuffer();
        expect(readJpegHeader(bytes)).toEqual({ height, width, profile: undefined });
      }),
      { numRuns: 30 },
    );
  });

  it('I1: says nothing of a file that ends in it, or of other bytes', async () => {
    const bytes = await photo().jpeg().withIccProfile('p3').toBuffer();
    const whole = readJpegHeader(bytes);
    expect(whole?.profile?.length).toBeGreaterThan(100);
    const scan = bytes.indexOf(Buffer.from([0xff, 0xda]));
    for (let end = 0; end < scan; end++) expect(readJpegHeader(bytes.subarray(0, end))).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (any) => readJpegHeader(any) === undefined));
    const start = fc.constant(Buffer.from(bytes.subarray(0, 20)));
    // No bytes make it throw.
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 400 }), (first, any) => {
        const found = readJpegHeader(Buffer.concat([first, any]));
        return found === undefined || found.height > 0;
      }),
    );
  });

  it('I5, I8: leaves to sharp what may be turned, and what has other channels', async () => {
    const turned = await photo().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const gray = await photo().greyscale().toColourspace('b-w').jpeg().toBuffer();
    const cmyk = await photo().toColourspace('cmyk').jpeg().toBuffer();
    expect([turned, gray, cmyk].map(readJpegHeader)).toEqual([undefined, undefined, undefined]);
    for (const bytes of [turned, gray, cmyk]) expect(await ours(bytes)).toHaveLength(preparedSize(spec));
    expect(farthest(await ours(turned), await sharps(turned))).toBeLessThanOrEqual(1);
  });
});

describe('a profile', () => {
  it('I8: is left out where it changes nothing, and applied where it does', async () => {
    for (const [name, plain] of [
      ['srgb', true],
      ['p3', false],
    ] as const) {
      const bytes = await photo().jpeg({ chromaSubsampling: '4:4:4' }).withIccProfile(name).toBuffer();
      const { profile = Buffer.alloc(0) } = readJpegHeader(bytes) ?? {};
      expect((await conversionOf(profile)) === 'none', name).toBe(plain);
      expect(farthest(await ours(bytes), await sharps(bytes)), name).toBeLessThanOrEqual(1);
    }
  });

  it('that is none changes nothing: sharp passes over it', async () => {
    expect(await conversionOf(Buffer.from('no profile'))).toBe('none');
  });
});

it('gives the bits that prepare gives with sharp, whatever the spec', async () => {
  const specs = fc.record({
    height: fc.integer({ min: 1, max: 60 }),
    width: fc.integer({ min: 1, max: 60 }),
    fit: fc.constantFrom(...fits),
    kernel: fc.constantFrom(...kernels),
    channels: fc.constantFrom(...channelModes),
    crop: fc.option(fc.record({ height: fc.integer({ min: 8, max: 60 }), width: fc.integer({ min: 8, max: 60 }) })),
  });
  const files = await Promise.all(
    [['b-w'], ['srgb', '4:4:4'], ['srgb', '4:2:0']].map(([space = '', chromaSubsampling]) =>
      photo()
        .toColourspace(space)
        .jpeg({ ...(chromaSubsampling && { chromaSubsampling }) })
        .toBuffer(),
    ),
  );
  // Of two pictures in one file sharp takes the first as well.
  const second = segment(0xe2, Buffer.from('MPF\0II*\0'));
  let atOnce = 0;
  await fc.assert(
    fc.asyncProperty(specs, fc.constantFrom(...files), async (chosen, file) => {
      const wanted: SettledPixels = { ...spec, ...chosen };
      const found = new Float32Array(preparedSize(wanted));
      if (!prepareAtOnce({ kind: 'encoded', bytes: file, path: 'photo' }, wanted, found, 0)) return;
      atOnce++;
      const bytes = Buffer.concat([file.subarray(0, 2), second, file.subarray(2)]);
      expect(prepareAtOnce({ kind: 'encoded', bytes, path: 'photo' }, wanted, found, 0)).toBe(false);
      const other = await ours(bytes, wanted);
      expect(Buffer.from(found.buffer).equals(Buffer.from(other.buffer))).toBe(true);
    }),
    { numRuns: 300 },
  );
  expect(atOnce).toBeGreaterThan(100);
});

const folder = sharedPath('datasets/hymenoptera/train');
it.skipIf(!folder)(
  'gives the pixels of photographs that sharp gives, within one of 255 (skipped where they are missing)',
  async () => {
    const names = folder ? readdirSync(folder, { recursive: true }).map(String) : [];
    const photos = names.filter((name) => name.endsWith('.jpg'));
    expect(photos.length).toBeGreaterThan(200);
    let profiles = 0;
    for (const name of photos.filter((_, i) => i % 3 === 0)) {
      const bytes = readFileSync(join(folder ?? '', name));
      if (readJpegHeader(bytes)?.profile) profiles++;
      // The second size is one that photographs are not shrunk to while they are decoded.
      for (const size of [
        { height, width },
        { height: 130, width: 130 },
      ])
        expect(farthest(await ours(bytes, size), await sharps(bytes, size)), name).toBeLessThanOrEqual(1);
    }
    expect(profiles).toBeGreaterThan(20);
  },
  60_000,
);

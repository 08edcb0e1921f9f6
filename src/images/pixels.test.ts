/** Golden pixels: what test/vectors/pixels/make_vectors.py makes with Pillow, NumPy and Keras. When these move, DECODER_VERSION rises. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { sharedPath } from '../../test/shared-data.ts';
import vectors from '../../test/vectors/pixels/vectors.json' with { type: 'json' };
import { pixelModes } from '../networks/architectures/architecture.ts';
import { DECODER_VERSION } from './decoder-version.ts';
import { preparedSize, type SettledPixels } from './pixel-spec.ts';
import { prepare } from './prepare.ts';

const plain: SettledPixels = {
  height: 1,
  width: 1,
  fit: 'fill',
  kernel: 'bilinear',
  channels: 'rgb',
  crop: null,
  normalize: pixelModes.none,
  augment: null,
  onBadImage: 'fail',
  decoder: DECODER_VERSION,
};

async function prepared(bytes: Uint8Array, more: object): Promise<Float32Array> {
  const spec: SettledPixels = { ...plain, ...more };
  const into = new Float32Array(preparedSize(spec));
  const done = await prepare({ kind: 'encoded', bytes, path: 'picture' }, spec, into, 0);
  if (!done.ok) throw new Error(JSON.stringify(done.error));
  return into;
}

const bytesOf = (text: string) => Buffer.from(text, 'base64');

/** The largest difference, and the mean one. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): { readonly most: number; readonly mean: number } {
  const differences = Array.from(a, (value, i) => Math.abs(value - (b[i] ?? Number.NaN)));
  return {
    most: differences.reduce((most, difference) => Math.max(most, difference), 0),
    mean: differences.reduce((sum, difference) => sum + difference, 0) / differences.length,
  };
}

describe('decoded', () => {
  it.each(vectors.decoded)('I7, I8, I9: $name as Pillow does', async ({ name, file, height, width, pixels }) => {
    const { most } = distance(await prepared(bytesOf(file), { height, width }), bytesOf(pixels));
    // Half-clear pixels over white are cut off by libvips and rounded by Pillow.
    expect(most).toBeLessThanOrEqual(name.includes('alpha') ? 1 : 0);
  });

  it('I9: all eight orientations are one picture', () => {
    const turned = vectors.decoded.filter(({ name }) => /EXIF orientation \d$/.test(name));
    expect(turned).toHaveLength(8);
    expect(new Set(turned.map(({ height, width }) => `${height}×${width}`))).toEqual(new Set(['11×13', '13×11']));
  });

  it('I10: an embedded profile is applied: the same colours in Display P3 are the same numbers', async () => {
    const { file, height, width } = vectors.decoded.find(({ name }) => name === 'png rgb') ?? {
      file: '',
      height: 1,
      width: 1,
    };
    // Muted, so that sRGB can hold what P3 says.
    const muted = await sharp(bytesOf(file)).modulate({ saturation: 0.3 }).png().toBuffer();
    const wide = await sharp(muted).withIccProfile('p3').png().toBuffer();
    expect((await sharp(wide).metadata()).icc).toBeDefined();
    const stored = await sharp(wide, { ignoreIcc: true }).raw().toBuffer();
    const [plainNumbers, wideNumbers] = await Promise.all(
      [muted, wide].map((bytes) => prepared(bytes, { height, width })),
    );
    expect(distance(wideNumbers ?? [], plainNumbers ?? []).most).toBeLessThanOrEqual(3);
    expect(distance(stored, plainNumbers ?? []).most).toBeGreaterThan(3);
  });
});

/**
 * What may differ from the filter as written out in float64. Enlarging rounds once. Making smaller, libvips works in fixed point with
 * weights of its own at the edges, and takes a box filter first where the step is large.
 */
function tolerance({
  height,
  width,
  kernel,
}: {
  readonly height: number;
  readonly width: number;
  readonly kernel?: string;
}) {
  if (kernel === 'nearest') return { most: 0, mean: 0 };
  if (height >= 24 && width >= 30) return { most: 1, mean: 0.05 };
  if (height * 3 > 24 && width * 3 > 30) return { most: 5, mean: 0.7 };
  return { most: 8, mean: 3 };
}

describe('prepared', () => {
  it.each(vectors.prepared)('I8: $spec', async ({ spec, pixels }) => {
    const found = await prepared(bytesOf(vectors.photo), spec);
    const wanted = bytesOf(pixels);
    expect(found).toHaveLength(wanted.length);
    const { most, mean } = distance(found, wanted);
    const allowed = spec.channels ? { most: 1, mean: 0.2 } : spec.crop ? { most: 6, mean: 1.3 } : tolerance(spec);
    expect(most).toBeLessThanOrEqual(allowed.most);
    expect(mean).toBeLessThanOrEqual(allowed.mean);
  });

  it.each(Object.entries(vectors.normalized))('normalized as Keras does: %s', async (mode, numbers) => {
    const normalize = Object.entries(pixelModes).find(([name]) => name === mode)?.[1];
    const found = await prepared(bytesOf(vectors.photo), { height: 24, width: 30, normalize });
    const corner = [0, 1].flatMap((y) => Array.from(found.subarray(y * 90, y * 90 + 9)));
    expect(distance(corner, numbers).most).toBeLessThan(2e-5);
  });

  it('means and deviations of one number or one a channel', async () => {
    const raw = await prepared(bytesOf(vectors.photo), { height: 24, width: 30 });
    const settled = { scale: 1, mean: [10, 20, 30], std: [2, 4, 8], reverse: false };
    const found = await prepared(bytesOf(vectors.photo), { height: 24, width: 30, normalize: settled });
    const wanted = raw.map((value, i) => (value - (settled.mean[i % 3] ?? 0)) / (settled.std[i % 3] ?? 1));
    expect(distance(found, wanted).most).toBeLessThan(1e-4);
    const same = await prepared(bytesOf(vectors.photo), {
      height: 24,
      width: 30,
      normalize: { ...settled, mean: [10], std: [2] },
    });
    expect(
      distance(
        same,
        raw.map((value) => (value - 10) / 2),
      ).most,
    ).toBeLessThan(1e-4);
  });

  it('raw pixels as the same pixels in a PNG', async () => {
    const { data, info } = await sharp(bytesOf(vectors.photo)).raw().toBuffer({ resolveWithObject: true });
    for (const more of [
      { height: 10, width: 9 },
      { height: 40, width: 47 },
      { height: 24, width: 24, crop: { height: 12, width: 12 } },
    ]) {
      const spec: SettledPixels = { ...plain, ...more };
      const into = new Float32Array(preparedSize(spec));
      const image = {
        kind: 'raw',
        pixels: data,
        height: info.height,
        width: info.width,
        channels: 3,
        path: 'x',
      } as const;
      expect(await prepare(image, spec, into, 0)).toMatchObject({ ok: true });
      expect(into).toEqual(await prepared(bytesOf(vectors.photo), more));
    }
  });

  it('I14: a line of 1×20000 and a single pixel, in every fit, larger and smaller', async () => {
    const line = await sharp(Buffer.alloc(60_000, 90), { raw: { width: 1, height: 20_000, channels: 3 } })
      .png()
      .toBuffer();
    const dot = await sharp(Buffer.alloc(3, 90), { raw: { width: 1, height: 1, channels: 3 } })
      .png()
      .toBuffer();
    for (const bytes of [line, dot])
      for (const kernel of ['nearest', 'bilinear', 'lanczos3'])
        for (const fit of ['fill', 'cover', 'contain'])
          for (const crop of [null, { height: 3, width: 5 }]) {
            const found = await prepared(bytes, { height: 6, width: 7, kernel, fit, crop });
            const borders = fit === 'contain' ? [0, 90] : [90];
            expect(Array.from(found).every((value) => borders.some((one) => Math.abs(value - one) <= 1))).toBe(true);
            expect(found.some((value) => Math.abs(value - 90) <= 1)).toBe(true);
          }
  });
});

const suite = sharedPath('corpora/pngsuite');
it.skipIf(!suite)('I8: PngSuite as its publisher has it (skipped where the corpus is missing)', async () => {
  const lines = readFileSync(join(suite ?? '', 'expected.tsv'), 'utf8')
    .trimEnd()
    .split('\n');
  const [header = '', ...cases] = lines;
  expect(header).toMatch(/sha256/);
  let compared = 0;
  for (const line of cases) {
    const cells = line.split('\t');
    const cell = (name: string) => cells[header.split('\t').indexOf(name)] ?? '';
    const digest = cells.find((text) => /^[0-9a-f]{64}$/.test(text));
    if (!digest) continue;
    const bytes = readFileSync(join(suite ?? '', 'png', cell('file')));
    const { data, info } = await sharp(bytes)
      .ensureAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (createHash('sha256').update(data).digest('hex') !== digest) continue;
    compared++;
    const onWhite = Float64Array.from({ length: (data.length / 4) * 3 }, (_, i) => {
      const [place, channel] = [Math.floor(i / 3) * 4, i % 3];
      const alpha = (data[place + 3] ?? 0) / 255;
      return (data[place + channel] ?? 0) * alpha + 255 * (1 - alpha);
    });
    const found = await prepared(bytes, { height: info.height, width: info.width });
    expect(distance(found, onWhite).most, line).toBeLessThan(1.5);
  }
  expect(compared).toBeGreaterThan(145);
});

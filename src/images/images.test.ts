/** Decoding and preparing images: what is refused, what is converted, and that no input brings the process down. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { sharedPath } from '../../test/shared-data.ts';
import { type PixelSpec, preparedSize, type SettledPixels } from './pixel-spec.ts';
import { prepare } from './prepare.ts';
import type { StoredImage } from './stored-image.ts';

const spec: SettledPixels = {
  height: 8,
  width: 8,
  fit: 'fill',
  kernel: 'bilinear',
  channels: 'rgb',
  crop: null,
  normalize: { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], reverse: false },
  augment: null,
  onBadImage: 'fail',
  decoder: 1,
};

async function prepared(bytes: Uint8Array, more: Partial<PixelSpec> = {}) {
  const settled = { ...spec, ...more, normalize: spec.normalize };
  const into = new Float32Array(preparedSize(settled));
  const image: StoredImage = { kind: 'encoded', bytes, path: 'picture' };
  const done = await prepare(image, settled, into, 0);
  return { done, into };
}

async function faultOf(bytes: Uint8Array) {
  const { done } = await prepared(bytes);
  return done.ok ? undefined : done.error;
}

/** An 8×8 picture whose four corners differ. */
const corners = Buffer.alloc(8 * 8 * 3, 10);
corners.set([250, 0, 0], 0);
corners.set([0, 250, 0], 7 * 3);
corners.set([0, 0, 250], 7 * 8 * 3);
const raw = (pixels = corners, channels: 1 | 3 | 4 = 3) => sharp(pixels, { raw: { width: 8, height: 8, channels } });
const close = (a: ArrayLike<number>, b: ArrayLike<number>, by: number) =>
  Array.from(a).every((value, i) => Math.abs(value - (b[i] ?? Number.NaN)) <= by);

/** A PNG of one chunk list, by hand. */
function png(width: number, height: number, chunks: readonly (readonly [string, Uint8Array])[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const encode = ([type, data]: readonly [string, Uint8Array]) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const chunk = Buffer.alloc(body.length + 8);
    chunk.writeUInt32BE(data.length, 0);
    chunk.set(body, 4);
    chunk.writeUInt32BE(crc32(body), body.length + 4);
    return chunk;
  };
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    ...[['IHDR', header] as const, ...chunks, ['IEND', Buffer.alloc(0)] as const].map(encode),
  ]);
}

describe('refused', () => {
  it.each(['png', 'jpeg', 'webp'] as const)('I1: a %s cut off anywhere', async (format) => {
    const noise = Buffer.from(Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251));
    const whole = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .toFormat(format)
      .toBuffer();
    for (const share of [0.2, 0.5, 0.9]) {
      const fault = await faultOf(whole.subarray(0, Math.floor(whole.length * share)));
      expect(fault?.code, `${format} cut at ${share}`).toBe('I001');
      expect(fault?.message).toContain('picture');
    }
  });

  it.each([
    ['I2: a bomb of pixels', 30_000, 30_000],
    ['I3: more than our own limit, far below that of the library', 9000, 9000],
    ['I4: 65535×65535', 65_535, 65_535],
  ])('%s, on the header alone', async (_, width, height) => {
    const before = process.memoryUsage().rss;
    const fault = await faultOf(png(width, height, [['IDAT', deflateSync(Buffer.alloc(1000))]]));
    expect(fault?.code).toBe('I003');
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  it.each([
    ['I11: no bytes', '', 'is empty'],
    ['I11: an HTML page', '<!DOCTYPE html><html>not found</html>', 'HTML page'],
    ['I11: a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', 'git lfs pull'],
    ['I5: an SVG', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'SVG'],
    ['I5: a PDF', '%PDF-1.7', 'PDF'],
    ['I5: a TIFF', 'II*\0....', 'TIFF'],
    ['I5: a HEIF', '\0\0\0\x18ftypheic', 'HEIF'],
  ])('%s, by what it is', async (_, text, says) => {
    const fault = await faultOf(Buffer.from(text, 'latin1'));
    expect(fault?.code).toBe('I002');
    expect(`${fault?.message} ${fault?.help}`).toContain(says);
  });
});

describe('converted', () => {
  it('I6: the content counts, not the name', async () => {
    const { done, into } = await prepared(await raw().webp({ lossless: true }).toBuffer());
    expect(done.ok).toBe(true);
    expect(close(into, corners, 0)).toBe(true);
  });

  it('I7: of an animation the first frame', async () => {
    const frames = Buffer.concat([corners, Buffer.alloc(corners.length, 200)]);
    const animated = await sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } })
      .gif()
      .toBuffer();
    const { into } = await prepared(animated);
    expect(close(into, corners, 12)).toBe(true);
  });

  it('I8: grey, palette, 16 bits and alpha become the same eight bits of red, green and blue', async () => {
    const grey = Buffer.alloc(64, 120);
    const rgb = Buffer.alloc(192, 120);
    expect(close((await prepared(await raw(grey, 1).png().toBuffer())).into, rgb, 1)).toBe(true);
    expect(close((await prepared(await raw(rgb).png({ palette: true }).toBuffer())).into, rgb, 1)).toBe(true);
    const deep = await raw(rgb).toColourspace('rgb16').png().toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe('ushort');
    expect(close((await prepared(deep)).into, rgb, 1)).toBe(true);
    const clear = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => (i % 4 === 3 ? 0 : 120)));
    expect(close((await prepared(await raw(clear, 4).png().toBuffer())).into, Buffer.alloc(192, 255), 1)).toBe(true);
    const cmyk = await raw(rgb).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
    const printed = (await prepared(cmyk)).into;
    expect(close(printed, rgb, 15)).toBe(true);
  });

  it('I8: gray is the luma of Rec. 601 or 709 of the colours, and gray-as-rgb repeats it', async () => {
    const { into } = await prepared(await raw().png().toBuffer(), { channels: 'gray' });
    expect(into).toHaveLength(64);
    const repeated = (await prepared(await raw().png().toBuffer(), { channels: 'gray-as-rgb' })).into;
    expect(Array.from(repeated)).toEqual(Array.from(into).flatMap((value) => [value, value, value]));
    expect(into[7]).toBeGreaterThan(into[0] ?? 0);
    expect(into[0]).toBeGreaterThan(into[56] ?? 0);
  });

  it('I9: all eight orientations of EXIF come out upright', async () => {
    const transpose = (pixels: Buffer) =>
      Buffer.from(
        Uint8Array.from(pixels, (_, i) => {
          const [y, x, c] = [Math.floor(i / 24), Math.floor(i / 3) % 8, i % 3];
          return pixels[(x * 8 + y) * 3 + c] ?? 0;
        }),
      );
    const half = await raw().rotate(180).raw().toBuffer();
    // How the sensor saw it, so that the orientation of that number turns it upright.
    const stored = [
      raw(),
      raw().flop(),
      raw().rotate(180),
      raw().flip(),
      raw(transpose(corners)),
      raw().rotate(270),
      raw(transpose(half)),
      raw().rotate(90),
    ];
    for (const [i, turned] of stored.entries()) {
      const pixels = await turned.raw().toBuffer();
      const tagged = await raw(pixels)
        .withMetadata({ orientation: i + 1 })
        .png()
        .toBuffer();
      const { into } = await prepared(tagged);
      expect(close(into, corners, 0), `orientation ${i + 1}`).toBe(true);
    }
  });

  it('I13: a text chunk that inflates to 200 MB takes no memory', async () => {
    const bomb = Buffer.concat([Buffer.from('Comment\0\0', 'latin1'), deflateSync(Buffer.alloc(200_000_000))]);
    const rows = Buffer.concat(
      Array.from({ length: 8 }, () => Buffer.concat([Buffer.from([0]), Buffer.alloc(24, 120)])),
    );
    const before = process.memoryUsage().rss;
    await prepared(
      png(8, 8, [
        ['zTXt', bomb],
        ['IDAT', deflateSync(rows)],
      ]),
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6);
  });

  it('I14: an image of 1×20000 is resized like any other', async () => {
    const long = await sharp(Buffer.alloc(60_000, 90), { raw: { width: 1, height: 20_000, channels: 3 } })
      .png()
      .toBuffer();
    expect(close((await prepared(long)).into, Buffer.alloc(192, 90), 1)).toBe(true);
  });

  it('gives the same pixels whatever the fit where nothing has to be cut or padded', async () => {
    const picture = await raw().png().toBuffer();
    const fills = await Promise.all(
      (['fill', 'cover', 'contain'] as const).map(async (fit) => (await prepared(picture, { fit })).into),
    );
    for (const one of fills) expect(close(one, corners, 0)).toBe(true);
  });
});

for (const corpus of ['pngsuite', 'jpeg-fuzz-seeds']) {
  const folder = sharedPath(`corpora/${corpus}`);
  it.skipIf(!folder)(
    `I15: every file of ${corpus} is read or refused (skipped where the corpus is missing)`,
    async () => {
      const names = folder && existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String) : [];
      const images = names.filter((name) => /\.(png|jpe?g)$/i.test(name));
      expect(images.length).toBeGreaterThan(10);
      for (const name of images) {
        const { done } = await prepared(readFileSync(join(folder ?? '', name)));
        const isBroken = corpus === 'pngsuite' && /(^|\/)x/.test(name);
        if (isBroken) expect(done.ok, name).toBe(false);
        else if (corpus === 'pngsuite') expect(done.ok, name).toBe(true);
        else if (!done.ok) expect(['I001', 'I002', 'I003']).toContain(done.error.code);
      }
    },
  );
}

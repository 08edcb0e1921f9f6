/** Plain PNG files read without sharp: the same pixels to the bit, and nothing read that sharp has something to say about. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { sharedPath } from '../../test/shared-data.ts';
import { drawChange } from './augment.ts';
import { DECODER_VERSION } from './decoder-version.ts';
import { channelModes, fits, kernels, preparedSize, type SettledPixels } from './pixel-spec.ts';
import { readPlainPng } from './plain-png.ts';
import { prepare, prepareAtOnce } from './prepare.ts';

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  out.set(body, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

interface Parts {
  readonly width: number;
  readonly height: number;
  readonly colours: number;
  /** Rows with the byte of their filter. */
  readonly rows: Uint8Array;
  readonly extra?: readonly Buffer[];
  readonly split?: number;
}

function png({ width, height, colours, rows, extra = [], split = 0 }: Parts): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, colours, 0, 0, 0], 8);
  const stream = deflateSync(rows);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    ...extra,
    chunk('IDAT', stream.subarray(0, split)),
    chunk('IDAT', stream.subarray(split)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function seenBySharp(bytes: Uint8Array, gray: boolean) {
  const colours = gray ? 'b-w' : 'srgb';
  return sharp(bytes, { failOn: 'warning' }).toColourspace(colours).raw().toBuffer({ resolveWithObject: true });
}

/** Any bytes with any filters are a picture. */
const parts = fc
  .record({
    width: fc.integer({ min: 1, max: 12 }),
    height: fc.integer({ min: 1, max: 12 }),
    colours: fc.constantFrom(0, 2),
  })
  .chain(({ width, height, colours }) =>
    fc
      .array(
        fc.record({
          filter: fc.integer({ min: 0, max: 4 }),
          row: fc.uint8Array({ minLength: width * (colours + 1), maxLength: width * (colours + 1) }),
        }),
        { minLength: height, maxLength: height },
      )
      .map((lines) => ({
        width,
        height,
        colours,
        rows: Uint8Array.from(lines.flatMap(({ filter, row }) => [filter, ...row])),
      })),
  );

describe('readPlainPng', () => {
  it('I8: gives what sharp gives, for every filter, gray and RGB, in one IDAT or two', async () => {
    await fc.assert(
      fc.asyncProperty(parts, fc.nat({ max: 11 }), async (some, split) => {
        const bytes = png({ ...some, split });
        const { data, info } = await seenBySharp(bytes, some.colours === 0);
        const found = readPlainPng(bytes);
        expect(found).toMatchObject({ height: info.height, width: info.width, channels: info.channels });
        expect(Buffer.from(found?.data ?? [])).toEqual(data);
      }),
      { numRuns: 300 },
    );
  });

  const whole = { width: 2, height: 2, colours: 0, rows: Uint8Array.of(0, 1, 2, 0, 3, 4) };
  it('reads a file with the size of its pixels', () => {
    expect(readPlainPng(png(whole))?.data).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(readPlainPng(png({ ...whole, extra: [chunk('pHYs', Buffer.alloc(9))] }))).toBeDefined();
  });

  it.each([
    ['a row too few', { rows: whole.rows.subarray(0, 3) }],
    ['a byte too many', { rows: Uint8Array.of(...whole.rows, 0) }],
    ['an unknown filter', { rows: Uint8Array.of(5, 1, 2, 0, 3, 4) }],
    ['a palette', { colours: 3 }],
    ['gray with alpha', { colours: 4 }],
    ['no width', { width: 0 }],
    ['a gamma', { extra: [chunk('gAMA', Buffer.from([0, 0, 0xb1, 0x8f]))] }],
    ['a colour that is clear', { extra: [chunk('tRNS', Buffer.from([0, 1]))] }],
    ['an orientation', { extra: [chunk('eXIf', Buffer.alloc(8))] }],
    ['an animation', { extra: [chunk('acTL', Buffer.alloc(8))] }],
    ['two sizes of pixels', { extra: [chunk('pHYs', Buffer.alloc(9)), chunk('pHYs', Buffer.alloc(9))] }],
  ])('I1, I7, I8, I9, I10: leaves to sharp a file with %s', (_, more) => {
    expect(readPlainPng(png({ ...whole, ...more }))).toBeUndefined();
  });

  it('I1: leaves to sharp a file that is cut off anywhere, has any bit turned, or goes on after its end', () => {
    const bytes = png(whole);
    for (let length = 0; length < bytes.length; length++)
      expect(readPlainPng(bytes.subarray(0, length))).toBeUndefined();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const turned = Buffer.from(bytes);
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(readPlainPng(turned), `bit ${bit}`).toBeUndefined();
    }
    expect(readPlainPng(Buffer.concat([bytes, Buffer.of(0)]))).toBeUndefined();
  });

  const suite = sharedPath('corpora/pngsuite/png');
  it.skipIf(!suite)('I8: PngSuite as sharp reads it (skipped where the corpus is missing)', async () => {
    let read = 0;
    for (const name of readdirSync(suite ?? '').filter((file) => file.endsWith('.png'))) {
      const bytes = readFileSync(join(suite ?? '', name));
      const found = readPlainPng(bytes);
      if (!found) continue;
      read++;
      const { data, info } = await seenBySharp(bytes, found.channels === 1);
      expect([found.channels, Buffer.compare(found.data, data)], name).toEqual([info.channels, 0]);
    }
    expect(read).toBeGreaterThan(0);
  });
});

describe('prepareAtOnce', () => {
  const comment = chunk('tEXt', Buffer.from('Comment\0left to sharp', 'latin1'));

  it('gives the bits that prepare gives with sharp, whatever the spec, also of augmented images', async () => {
    const specs = fc.record({
      height: fc.integer({ min: 1, max: 30 }),
      width: fc.integer({ min: 1, max: 30 }),
      fit: fc.constantFrom(...fits),
      kernel: fc.constantFrom(...kernels),
      channels: fc.constantFrom(...channelModes),
      crop: fc.option(fc.record({ height: fc.integer({ min: 8, max: 20 }), width: fc.integer({ min: 8, max: 20 }) })),
    });
    let atOnce = 0;
    await fc.assert(
      fc.asyncProperty(parts, specs, fc.boolean(), async (some, chosen, augmented) => {
        const spec: SettledPixels = {
          ...chosen,
          normalize: { scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], reverse: true },
          augment: null,
          onBadImage: 'fail',
          decoder: DECODER_VERSION,
        };
        const shift = { height: 0.1, width: 0.2 };
        const amounts = {
          flip: 'both',
          shift,
          rotate: 9,
          zoom: 0.1,
          shear: 3,
          contrast: 0.2,
          brightness: 0.1,
          fill: 'reflect',
        } as const;
        const draws = { seed: 1, epoch: 2, image: Uint8Array.from({ length: 32 }, (_, i) => i) };
        const change = augmented ? drawChange(amounts, spec, draws) : undefined;
        const [found, wanted] = [new Float32Array(preparedSize(spec) + 2), new Float32Array(preparedSize(spec) + 2)];
        if (!prepareAtOnce({ kind: 'encoded', bytes: png(some), path: 'x' }, spec, found, 1, change)) return;
        atOnce++;
        const bytes = png({ ...some, extra: [comment] });
        expect(prepareAtOnce({ kind: 'encoded', bytes, path: 'x' }, spec, wanted, 1)).toBe(false);
        expect(await prepare({ kind: 'encoded', bytes, path: 'x' }, spec, wanted, 1, change)).toMatchObject({
          ok: true,
        });
        expect(Buffer.from(found.buffer).equals(Buffer.from(wanted.buffer))).toBe(true);
      }),
      { numRuns: 400 },
    );
    expect(atOnce).toBeGreaterThan(50);
  });
});

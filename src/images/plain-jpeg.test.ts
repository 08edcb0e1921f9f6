/** JPEG files read without sharp: the bits that sharp reads, or left to it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { segment, writeJpeg } from '../../test/jpeg-writer.ts';
import { sharedPath } from '../../test/shared-data.ts';
import { type JpegChoices, readPlainJpeg } from './plain-jpeg.ts';

const whole: JpegChoices = { takes: () => true, conversion: () => 'none' };

interface Read {
  readonly data: Buffer;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

function ours(bytes: Uint8Array): Read | undefined {
  const pixels = readPlainJpeg(bytes, whole);
  return pixels && { ...pixels, data: Buffer.from(pixels.data) };
}

/** What sharp reads, without a profile; undefined where it warns of something or fails. */
async function sharps(bytes: Uint8Array, channels: number): Promise<Read | undefined> {
  try {
    const image = sharp(bytes, { failOn: 'warning', ignoreIcc: true }).toColourspace(channels === 1 ? 'b-w' : 'srgb');
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    return { data, height: info.height, width: info.width, channels: info.channels };
  } catch {
    return undefined;
  }
}

/** @returns whether it was read without sharp, which it must have been to the same bits */
async function readAlike(bytes: Uint8Array, name = 'file'): Promise<boolean> {
  const found = ours(bytes);
  if (!found) return false;
  const wanted = await sharps(bytes, found.channels);
  if (!wanted) throw new Error(`${name} is read, and sharp does not`);
  const { data, ...extent } = found;
  const { data: wantedData, ...wantedExtent } = wanted;
  expect(extent, name).toEqual(wantedExtent);
  expect(Buffer.compare(data, wantedData), name).toBe(0);
  return true;
}

/** A number of 0 … 1 for every call, the same for the same seed (Steele, Lea and Flood's SplitMix, 32 bits). */
function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

function noise(seed: number, length: number): Uint8Array {
  const draw = draws(seed);
  return Uint8Array.from({ length }, () => draw() * 256);
}

const samplings = [
  { across: 1, down: 1 },
  { across: 2, down: 1 },
  { across: 1, down: 2 },
  { across: 2, down: 2 },
];
const extents = { height: fc.integer({ min: 1, max: 70 }), width: fc.integer({ min: 1, max: 70 }) };

describe('readPlainJpeg', () => {
  it('reads what sharp encodes, of any size, quality and sampling', async () => {
    const settings = fc.record({
      ...extents,
      seed: fc.integer(),
      channels: fc.constantFrom<1 | 3>(1, 3),
      chromaSubsampling: fc.constantFrom('4:4:4', '4:2:0'),
      quality: fc.integer({ min: 1, max: 100 }),
      optimiseCoding: fc.boolean(),
    });
    let read = 0;
    await fc.assert(
      fc.asyncProperty(settings, async ({ height, width, seed, channels, ...jpeg }) => {
        const raw = { height, width, channels };
        const image = sharp(noise(seed, height * width * channels), { raw }).blur(seed % 2 ? 0.3 : 2);
        const bytes = await image
          .toColourspace(channels === 1 ? 'b-w' : 'srgb')
          .jpeg(jpeg)
          .toBuffer();
        // Chrominance of one or two samples is spread in another way.
        const odd = channels === 3 && jpeg.chromaSubsampling === '4:2:0' && width <= 4;
        expect(await readAlike(bytes)).toBe(!odd);
        read++;
      }),
      { numRuns: 200 },
    );
    expect(read).toBe(200);
  });

  it('reads coefficients of any kind, by codes of any length, with restarts, in every sampling', async () => {
    const settings = fc.record({
      ...extents,
      seed: fc.integer(),
      sampling: fc.option(fc.constantFrom(...samplings), { nil: undefined }),
      restart: fc.constantFrom(0, 0, 1, 2, 5, 300),
      quantum: fc.constantFrom(1, 2, 7, 30, 255),
      density: fc.constantFrom(0, 0.02, 0.3, 1),
      size: fc.integer({ min: 1, max: 10 }),
    });
    let read = 0;
    await fc.assert(
      fc.asyncProperty(settings, async ({ density, size, seed, ...file }) => {
        const draw = draws(seed);
        const most = Math.min((1 << size) - 1, Math.floor(1000 / file.quantum) + 1);
        const coefficient = (place: number) =>
          draw() < density || place === 0 ? Math.round((draw() * 2 - 1) * most * (place ? draw() ** 2 : 0.2)) : 0;
        if (await readAlike(writeJpeg({ ...file, coefficient }))) read++;
      }),
      { numRuns: 400 },
    );
    expect(read).toBeGreaterThan(250);
  });

  it('I14: reads long lines and photographs of odd sizes', async () => {
    for (const [height, width] of [
      [3, 4099],
      [4099, 3],
      [517, 1023],
      [1, 65_500],
    ] as const) {
      const image = sharp(noise(height, height * width * 3), { raw: { height, width, channels: 3 } }).blur(3);
      for (const chromaSubsampling of ['4:4:4', '4:2:0'])
        expect(await readAlike(await image.clone().jpeg({ chromaSubsampling }).toBuffer())).toBe(
          width > 4 || chromaSubsampling === '4:4:4',
        );
    }
  });

  it('I1: of a damaged file gives what sharp gives without a warning, or nothing', async () => {
    const draw = draws(5);
    const coefficient = (place: number) => (draw() < 0.3 || place === 0 ? Math.round(draw() * 9 - 4) : 0);
    const files = await Promise.all([
      ...samplings.map((sampling, i) =>
        writeJpeg({ height: 29, width: 37, sampling, restart: i, quantum: 9, coefficient }),
      ),
      sharp(noise(3, 40 * 40 * 3), { raw: { height: 40, width: 40, channels: 3 } })
        .blur(2)
        .withIccProfile('p3')
        .jpeg()
        .toBuffer(),
    ]);
    const change = fc.record({
      kind: fc.constantFrom('turn', 'cut', 'insert', 'leave out'),
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      value: fc.integer({ min: 0, max: 255 }),
    });
    let read = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        async (file, changes) => {
          const changed = changes.reduce((bytes, { kind, place, value }) => {
            const at = Math.min(bytes.length - 1, Math.floor(place * bytes.length));
            const [before, behind] = [bytes.subarray(0, at), bytes.subarray(kind === 'insert' ? at : at + 1)];
            if (kind === 'cut') return before;
            return Buffer.concat([before, kind === 'leave out' ? Buffer.alloc(0) : Buffer.of(value), behind]);
          }, file);
          if (await readAlike(changed, changed.toString('hex'))) read++;
        },
      ),
      { numRuns: 3000 },
    );
    expect(read).toBeGreaterThan(20);
  }, 60_000);

  it('I1: leaves to sharp a file that is cut off anywhere, also when it is read from the middle of a buffer', () => {
    const coefficient = (place: number) => (place < 5 ? 3 - place : 0);
    const bytes = writeJpeg({ height: 20, width: 20, sampling: samplings[3], restart: 1, quantum: 9, coefficient });
    for (let length = 0; length < bytes.length; length++) expect(ours(bytes.subarray(0, length))).toBeUndefined();
    const within = Buffer.concat([bytes, bytes]);
    expect(ours(within.subarray(0, bytes.length))).toEqual(ours(bytes));
    expect(ours(within.subarray(bytes.length))).toEqual(ours(bytes));
  });

  it('I5, I7, I8: leaves to sharp what is progressive, turned, in other colours or without a table', async () => {
    const image = () => sharp(noise(1, 30 * 30 * 3), { raw: { height: 30, width: 30, channels: 3 } });
    const tables = await image().jpeg().toBuffer();
    const odd = [
      await image().jpeg({ progressive: true }).toBuffer(),
      await image().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
      await image().toColourspace('cmyk').jpeg().toBuffer(),
      Buffer.concat([tables.subarray(0, 2), tables.subarray(tables.indexOf(Buffer.from([0xff, 0xc0])))]),
    ];
    expect(odd.map(ours)).toEqual([undefined, undefined, undefined, undefined]);
    expect(await readAlike(await image().withMetadata({ orientation: 1 }).jpeg().toBuffer())).toBe(true);
  });

  it.each([
    ['no Exif data behind the name', segment(0xe1, Buffer.from('Exif\0\0'))],
    ['a directory beyond the end', segment(0xe1, Buffer.from('Exif\0\0II*\0\xff\0\0\0', 'latin1'))],
    ['colours as they are', segment(0xee, Buffer.from('Adobe\0\x64\0\0\0\0\0', 'latin1'))],
    ['part two of a profile', segment(0xe2, Buffer.from('ICC_PROFILE\0\x02\x02abc', 'latin1'))],
    ['a second picture', segment(0xe2, Buffer.from('MPF\0II*\0'))],
    ['a gain map', segment(0xe1, Buffer.from('http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version="1.0"/>'))],
    ['a second frame', segment(0xc0, Buffer.from([8, 0, 8, 0, 8, 1, 1, 0x11, 0]))],
    ['arithmetic codes', segment(0xcc, Buffer.from([0, 1]))],
  ])('I8, I9, I10: leaves to sharp a file with %s', (_, extra) => {
    const file = { height: 9, width: 9, sampling: samplings[0], restart: 0, quantum: 9, coefficient: () => 1 };
    expect(ours(writeJpeg(file))).toBeDefined();
    expect(ours(writeJpeg({ ...file, extra: [extra] }))).toBeUndefined();
  });

  const seeds = sharedPath('corpora/jpeg-fuzz-seeds/jpg');
  it.skipIf(!seeds)('I1: seeds of a fuzzer (skipped where the corpus is missing)', async () => {
    const names = readdirSync(seeds ?? '');
    expect(names.length).toBeGreaterThan(200);
    for (const name of names) await readAlike(readFileSync(join(seeds ?? '', name)), name);
  });

  const photos = sharedPath('datasets/hymenoptera');
  it.skipIf(!photos)(
    'photographs (skipped where they are missing)',
    async () => {
      const names = readdirSync(photos ?? '', { recursive: true }).map(String);
      let read = 0;
      for (const name of names.filter((file) => file.endsWith('.jpg')))
        if (await readAlike(readFileSync(join(photos ?? '', name)), name)) read++;
      expect(read).toBeGreaterThan(380);
    },
    120_000,
  );
});

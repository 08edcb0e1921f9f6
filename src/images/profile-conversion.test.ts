/** Colour profiles: the bits that libvips makes of photographs with them. */
import fc from 'fast-check';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { readPlainJpeg } from './plain-jpeg.ts';
import { conversionOf, knownConversion } from './profile-conversion.ts';

/** A number of 16 bits behind the point. */
function fixed(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) out.writeInt32BE(Math.round(value * 65_536), i * 4);
  return out;
}

function tag(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${type}\0\0\0\0`, 'latin1'), body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
}

/** Curves of one type, for all three channels. */
function power(value: number): Buffer {
  return tag('curv', Buffer.from([0, 0, 0, 1, Math.floor(value), Math.round((value % 1) * 256) & 255]));
}

function table(count: number, value: number): Buffer {
  const body = Buffer.alloc(4 + 2 * count);
  body.writeUInt32BE(count);
  for (let i = 0; i < count; i++) body.writeUInt16BE(Math.round(65_535 * (i / (count - 1)) ** value), 4 + 2 * i);
  return tag('curv', body);
}

function parametric(type: number, ...numbers: number[]): Buffer {
  return tag('para', Buffer.concat([Buffer.from([0, type, 0, 0]), fixed(...numbers)]));
}

/** A profile of a display (ICC.1): columns of XYZ that add up to white, and a curve. */
function profile(columns: readonly (readonly number[])[], curve: Buffer): Buffer {
  const tags = [
    ...['rXYZ', 'gXYZ', 'bXYZ'].map((name, i) => ({ name, body: tag('XYZ ', fixed(...(columns[i] ?? []))) })),
    ...['rTRC', 'gTRC', 'bTRC'].map((name) => ({ name, body: curve })),
    { name: 'wtpt', body: tag('XYZ ', fixed(0.9642, 1, 0.8249)) },
  ];
  const head = Buffer.alloc(132 + 12 * tags.length);
  head.write('lcms', 4, 'latin1');
  head.writeUInt32BE(0x02400000, 8);
  head.write('mntrRGB XYZ ', 12, 'latin1');
  head.write('acsp', 36, 'latin1');
  fixed(0.9642, 1, 0.8249).copy(head, 68);
  head.writeUInt32BE(tags.length, 128);
  let end = head.length;
  for (const [i, { name, body }] of tags.entries()) {
    head.write(name, 132 + 12 * i, 'latin1');
    head.writeUInt32BE(end, 136 + 12 * i);
    head.writeUInt32BE(body.length, 140 + 12 * i);
    end += body.length;
  }
  head.writeUInt32BE(end, 0);
  return Buffer.concat([head, ...tags.map(({ body }) => body)]);
}

/** Adobe RGB (1998) in D50, a wide one, and sRGB. */
const ADOBE = [
  [0.60974, 0.31111, 0.01947],
  [0.20528, 0.62567, 0.06087],
  [0.14919, 0.06322, 0.74457],
];
const PROPHOTO = [
  [0.79767, 0.28804, 0],
  [0.13519, 0.71188, 0],
  [0.03134, 0.00009, 0.82491],
];
const PLAIN = [
  [0.43607, 0.22249, 0.01392],
  [0.38515, 0.71687, 0.09708],
  [0.14307, 0.06061, 0.7141],
];

const pixels = Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => (i * i * 7 + i * 13) % 256);
const photo = () => sharp(pixels, { raw: { height: 48, width: 64, channels: 3 } }).jpeg({ quality: 100 });

async function withProfile(icc: Buffer): Promise<Buffer> {
  const plain = await photo().toBuffer();
  const body = Buffer.concat([Buffer.from('ICC_PROFILE\0\x01\x01', 'latin1'), icc]);
  const head = Buffer.from([0xff, 0xe2, (body.length + 2) >> 8, (body.length + 2) & 255]);
  return Buffer.concat([plain.subarray(0, 2), head, body, plain.subarray(2)]);
}

it.each([
  ['Adobe RGB', profile(ADOBE, power(2.2))],
  ['a wide one', profile(PROPHOTO, power(1.8))],
  ['another power for sRGB', profile(PLAIN, power(1.8))],
  ['a table', profile(ADOBE, table(1024, 2.4))],
  ['a short table', profile(ADOBE, table(17, 1.6))],
  ['a power alone', profile(ADOBE, parametric(0, 2.2))],
  ['a power with a straight beginning, raised', profile(ADOBE, parametric(4, 2.2, 0.9, 0.05, 0.1, 0.04, 0.01, 0))],
  ['Display P3 and its curve', profile(ADOBE, parametric(3, 2.4, 0.948, 0.052, 0.077, 0.04))],
])('I8: %s gives the bits of libvips without it', async (_, icc) => {
  const conversion = await conversionOf(icc);
  expect(typeof conversion).toBe('object');
  expect(knownConversion(icc)).toBe(conversion);
  const bytes = await withProfile(icc);
  const found = readPlainJpeg(bytes, { takes: () => true, conversion: () => conversion });
  const wanted = await sharp(bytes).toColourspace('srgb').raw().toBuffer();
  expect(Buffer.compare(found?.data ?? Buffer.alloc(0), wanted)).toBe(0);
  expect(Buffer.compare(wanted, await sharp(bytes, { ignoreIcc: true }).raw().toBuffer())).not.toBe(0);
});

it('I8: the profile that phones embed is applied without libvips', async () => {
  const bytes = await photo().withIccProfile('p3').toBuffer();
  const { icc } = await sharp(bytes).metadata();
  const conversion = await conversionOf(icc ?? Buffer.alloc(0));
  const found = readPlainJpeg(bytes, { takes: () => true, conversion: () => conversion });
  const wanted = await sharp(bytes).toColourspace('srgb').raw().toBuffer();
  expect(Buffer.compare(found?.data ?? Buffer.alloc(0), wanted)).toBe(0);
});

it('I1: a damaged profile is left to libvips, or applied as it applies it', async () => {
  const icc = profile(ADOBE, table(64, 2.2));
  const places = fc.record({ at: fc.nat({ max: icc.length - 1 }), value: fc.nat({ max: 255 }) });
  await fc.assert(
    fc.asyncProperty(places, fc.boolean(), async ({ at, value }, cut) => {
      const changed = Buffer.from(icc);
      changed[at] = value;
      const damaged = cut ? changed.subarray(0, at) : changed;
      const conversion = await conversionOf(damaged);
      const bytes = await withProfile(damaged);
      const found = readPlainJpeg(bytes, { takes: () => true, conversion: () => conversion });
      if (!found || conversion === 'none') return;
      const data = Buffer.from(found.data);
      expect(Buffer.compare(data, await sharp(bytes).toColourspace('srgb').raw().toBuffer())).toBe(0);
    }),
    { numRuns: 12 },
  );
}, 60_000);

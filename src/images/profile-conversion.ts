/**
 * What an embedded colour profile makes of colours. Applying one by libvips costs as much as decoding, and most of those that cameras and
 * programs embed are sRGB in all but name: they change no value by more than one of 255. Nearly all others are curves and a matrix. Neither is
 * believed but tried against libvips, once a profile.
 */
import { createHash } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import { openEncoded, openRaw } from './decode.ts';
import { type MatrixShaper, matrixShaper } from './matrix-profile.ts';
import { shapeColours } from './pixel-kernels.ts';

/** Nothing worth the name, what a shaper does, or something that only libvips knows. */
export type Conversion = 'none' | MatrixShaper | 'by libvips';

const known = new Map<string, Conversion>();
const trying = new Map<string, Promise<Conversion>>();
/** So many different profiles are remembered. */
const MOST = 1000;

/** What is known of it already. */
export function knownConversion(profile: Uint8Array): Conversion | undefined {
  return known.get(digestOf(profile));
}

export function conversionOf(profile: Uint8Array): Promise<Conversion> {
  const digest = digestOf(profile);
  const found = known.get(digest);
  if (found) return Promise.resolve(found);
  const running = trying.get(digest) ?? tried(profile);
  trying.set(digest, running);
  return running.then((conversion) => {
    trying.delete(digest);
    if (known.size < MOST) known.set(digest, conversion);
    return conversion;
  });
}

function digestOf(profile: Uint8Array): string {
  return createHash('sha256').update(profile).digest('hex');
}

async function tried(profile: Uint8Array): Promise<Conversion> {
  pictured ??= colourPicture();
  const { colours, png } = await pictured;
  try {
    const converting = await openEncoded(withProfile(png, profile));
    const converted = await converting.toColourspace('srgb').raw().toBuffer();
    if (converted.length !== colours.length) return 'by libvips';
    if (farthest(colours, converted) <= 1) return 'none';
    const shaper = matrixShaper(Buffer.from(profile));
    return shaper && Buffer.compare(shapeColours(colours, shaper), converted) === 0 ? shaper : 'by libvips';
  } catch {
    // Whatever is wrong with it, sharp says so of the image.
    return 'by libvips';
  }
}

/** Colours a channel of the cube that is tried: 0, 8, 16 … 248, 255. */
const STEPS = 33;

function cube(): Uint8Array {
  const colours = new Uint8Array(3 * STEPS ** 3);
  for (let i = 0; i < colours.length; i++) {
    // Red changes slowest.
    const colour = Math.floor(i / 3);
    const step = Math.floor(colour / STEPS ** (2 - (i % 3))) % STEPS;
    colours[i] = Math.min(255, step * 8);
  }
  return colours;
}

/** A PNG file with those colours, and themselves. */
async function colourPicture() {
  const colours = cube();
  const picture = await openRaw(colours, STEPS, STEPS * STEPS, 3);
  return { colours, png: await picture.png({ compressionLevel: 0 }).toBuffer() };
}

let pictured: ReturnType<typeof colourPicture> | undefined;

function farthest(a: Uint8Array, b: Uint8Array): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs((a[i] ?? 0) - (b[i] ?? 0)));
  return most;
}

const HEADER_END = 8 + 25;

/** A PNG file with an iCCP chunk behind its header. */
function withProfile(png: Buffer, profile: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from('iCCPprofile\0\0', 'latin1'), deflateSync(profile)]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(body.length - 4, 0);
  ends.writeUInt32BE(crc32(body), 4);
  const chunk = [ends.subarray(0, 4), body, ends.subarray(4)];
  return Buffer.concat([png.subarray(0, HEADER_END), ...chunk, png.subarray(HEADER_END)]);
}

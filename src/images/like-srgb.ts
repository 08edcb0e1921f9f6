/**
 * Whether a colour profile is sRGB in all but name. Applying one costs as much as decoding, and most of those that cameras and programs
 * embed are sRGB: they change no value by more than one of 255. That is not believed by name but tried, once a profile.
 */
import { createHash } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import { openEncoded, openRaw } from './decode.ts';

const tried = new Map<string, Promise<boolean>>();
/** Digests of those that were tried and are. */
const plain = new Set<string>();
/** So many different profiles are remembered. */
const MOST = 1000;

export function likeSrgb(profile: Uint8Array): Promise<boolean> {
  const digest = digestOf(profile);
  const found = tried.get(digest) ?? changesNothing(profile);
  if (tried.size < MOST) tried.set(digest, found);
  return found.then((is) => {
    if (is && plain.size < MOST) plain.add(digest);
    return is;
  });
}

/** Whether it was tried and is, without waiting. */
export function knownLikeSrgb(profile: Uint8Array): boolean {
  return plain.has(digestOf(profile));
}

function digestOf(profile: Uint8Array): string {
  return createHash('sha256').update(profile).digest('hex');
}

/** Colours a channel of the cube that is tried: 0, 8, 16 … 248, 255. */
const STEPS = 33;

async function changesNothing(profile: Uint8Array): Promise<boolean> {
  const colours = cube();
  const picture = await openRaw(colours, STEPS, STEPS * STEPS, 3);
  const png = await picture.png({ compressionLevel: 0 }).toBuffer();
  try {
    const converting = await openEncoded(withProfile(png, profile));
    const converted = await converting.toColourspace('srgb').raw().toBuffer();
    return (
      converted.length === colours.length && converted.every((value, i) => Math.abs(value - (colours[i] ?? 0)) <= 1)
    );
  } catch {
    // Whatever is wrong with it, sharp says so of the image.
    return false;
  }
}

function cube(): Uint8Array {
  const levels = Array.from({ length: STEPS }, (_, i) => Math.min(255, i * 8));
  return Uint8Array.from(levels.flatMap((r) => levels.flatMap((g) => levels.flatMap((b) => [r, g, b]))));
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

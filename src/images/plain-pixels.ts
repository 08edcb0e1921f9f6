/** Pixels that need no sharp: raw ones, and those of PNG and JPEG files without anything unusual. */
import type { Pixels } from './pixels.ts';
import { type JpegChoices, readPlainJpeg } from './plain-jpeg.ts';
import { readPlainPng } from './plain-png.ts';
import { knownConversion } from './profile-conversion.ts';
import type { StoredImage } from './stored-image.ts';

/**
 * Gray, or red, green and blue, as sharp gives them. Undefined where sharp has to look, or into a colour profile that is not known yet.
 * @param takesJpeg whether a JPEG is wanted whole
 * @returns pixels that may lie in the kernels' memory: good until the next image
 */
export function plainPixels(image: StoredImage, takesJpeg: JpegChoices['takes']): Pixels | undefined {
  if (image.kind === 'encoded')
    return readPlainPng(image.bytes) ?? readPlainJpeg(image.bytes, { takes: takesJpeg, conversion: knownConversion });
  const { pixels: data, height, width, channels } = image;
  return channels === 1 || channels === 3 ? { data, height, width, channels } : undefined;
}

/** One channel in place of three that are the same everywhere. */
export function withoutRepeats(image: Pixels): Pixels {
  const { data, channels } = image;
  if (channels !== 3) return image;
  for (let at = 0; at + 2 < data.length; at += 3)
    if (data[at] !== data[at + 1] || data[at] !== data[at + 2]) return image;
  const one = new Uint8Array(data.length / 3);
  for (let i = 0; i < one.length; i++) one[i] = data[i * 3] ?? 0;
  return { ...image, data: one, channels: 1 };
}

/** One channel three times. */
export function withRepeats(image: Pixels): Pixels {
  const { data, channels } = image;
  if (channels !== 1) return image;
  const three = new Uint8Array(data.length * 3);
  for (let i = 0; i < three.length; i++) three[i] = data[Math.floor(i / 3)] ?? 0;
  return { ...image, data: three, channels: 3 };
}

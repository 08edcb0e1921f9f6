/**
 * Decoding with sharp (libvips). One documented conversion for everything: oriented by EXIF, colours to 8-bit sRGB (an embedded profile is
 * applied), transparency laid on white, the first frame of an animation.
 */
import type { Sharp } from 'sharp';
import { type Diagnostic, problem } from '../base/diagnostic.ts';

/** Refused on the header, before anything is allocated. */
const MOST_PIXELS = 64_000_000;

/** What stands in place of an image, for a message that helps. */
export function describeForeign(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'is empty (0 bytes)';
  const text = Buffer.from(bytes.subarray(0, 256)).toString('latin1').trimStart();
  if (/^(<!doctype html|<html)/i.test(text)) return 'is an HTML page, not an image';
  if (text.startsWith('version https://git-lfs')) return 'is a Git LFS pointer; run `git lfs pull`';
  if (/^(<\?xml|<svg)/i.test(text)) return 'is an SVG drawing, which is not read';
  if (text.startsWith('%PDF')) return 'is a PDF, which is not read';
  if (/^(II\*\0|MM\0\*)/.test(text)) return 'is a TIFF, which is not read';
  if (text.slice(4, 8) === 'ftyp') return 'is a HEIF or AVIF image, which is not read';
  if (text.startsWith('BM')) return 'is a BMP, which is not read';
  return 'is no image that can be read';
}

let loading: Promise<typeof import('sharp').default> | undefined;

function loadSharp() {
  loading ??= import('sharp').then(({ default: sharp }) => {
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  });
  return loading;
}

/**
 * A sharp pipeline over an encoded file whose format is known.
 * @param srgb its colours are sRGB already, whatever profile it holds
 */
export async function openEncoded(bytes: Uint8Array, srgb = false): Promise<Sharp> {
  const sharp = await loadSharp();
  return sharp(bytes, {
    failOn: 'warning',
    limitInputPixels: MOST_PIXELS,
    pages: 1,
    sequentialRead: true,
    autoOrient: true,
    ignoreIcc: srgb,
  });
}

/** A sharp pipeline over raw pixels. */
export async function openRaw(pixels: Uint8Array, height: number, width: number, channels: number): Promise<Sharp> {
  const sharp = await loadSharp();
  if (channels !== 1 && channels !== 3) throw new Error(`raw images have 1 or 3 channels, not ${channels}`);
  return sharp(pixels, { raw: { height, width, channels } });
}

/** What libvips says, as a diagnostic. */
export function decodeProblem(error: unknown, path: string): Diagnostic {
  const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  if (/pixel limit/i.test(message))
    return problem('I003', `${path} has more than ${MOST_PIXELS / 1e6} million pixels`, {
      help: 'make it smaller, or leave it out with `onBadImage: skip`',
    });
  return problem('I001', `${path} cannot be decoded: ${message}`, {
    help: 'replace the file, or leave it out with `onBadImage: skip`',
  });
}

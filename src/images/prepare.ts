/** One stored image to float32 numbers [height, width, channels], as a PixelSpec says. */
import type { Sharp } from 'sharp';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import { changeImage, type ImageChange } from './augment.ts';
import { decodeProblem, describeForeign, openEncoded, openRaw } from './decode.ts';
import { formatOf } from './format.ts';
import type { Channels, Kernel, PixelSpec } from './pixel-spec.ts';
import type { StoredImage } from './stored-image.ts';

/** A spec whose normalization is settled. */
export type SettledPixels = PixelSpec & { readonly normalize: Exclude<PixelSpec['normalize'], 'backbone'> };

/** sharp's names. Its `linear` is the triangle filter, widened where it shrinks, as Pillow's BILINEAR. */
const KERNELS: Readonly<Record<Kernel, 'nearest' | 'linear' | 'cubic' | 'mitchell' | 'lanczos2' | 'lanczos3'>> = {
  nearest: 'nearest',
  bilinear: 'linear',
  cubic: 'cubic',
  mitchell: 'mitchell',
  lanczos2: 'lanczos2',
  lanczos3: 'lanczos3',
};

export function channelCount(channels: Channels): 1 | 3 {
  return channels === 'gray' ? 1 : 3;
}

/** Numbers of one prepared image. */
export function preparedSize({ height, width, channels }: PixelSpec): number {
  return height * width * channelCount(channels);
}

/** Writes the image to `into[at …]`, changed before it is normalized where a change is given. */
export async function prepare(
  image: StoredImage,
  spec: SettledPixels,
  into: Float32Array,
  at: number,
  change?: ImageChange,
): Promise<Result<void, Diagnostic>> {
  let pixels: Buffer;
  let found: number;
  try {
    const opened = await open(image);
    if (!opened.ok) return opened;
    const { data, info } = await (await resized(opened.value, spec))
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    pixels = data;
    found = info.channels;
    if (info.height !== spec.height || info.width !== spec.width)
      throw new Error(`came out as ${info.width}×${info.height}`);
  } catch (error) {
    return err(decodeProblem(error, image.path));
  }
  const { height, width } = spec;
  const changed = change ? changeImage(pixels, { height, width, channels: found }, change) : pixels;
  normalizeInto(changed, found, spec, into, at);
  return ok(undefined);
}

async function open(image: StoredImage): Promise<Result<Sharp, Diagnostic>> {
  if (image.kind === 'raw') return ok(await openRaw(image.pixels, image.height, image.width, image.channels));
  if (!formatOf(image.bytes)) {
    return err(
      problem('I002', `${image.path} ${describeForeign(image.bytes)}`, {
        help: 'PNG, JPEG, WebP and GIF are read; leave the file out with `exclude`, or with `onBadImage: skip`',
      }),
    );
  }
  const sharp = await openEncoded(image.bytes);
  return ok(sharp);
}

/** What a network sees of an image, still in 8 bits. sharp resizes once a pipeline, so a crop is a pipeline of its own. */
async function resized(sharp: Sharp, { height, width, fit, kernel, channels, crop }: PixelSpec): Promise<Sharp> {
  const upright = sharp.flatten({ background: '#ffffff' }).toColourspace('srgb');
  const cut = crop ? await cutCentre(upright, crop, kernel) : upright;
  const pipeline = cut.resize({ width, height, fit, kernel: KERNELS[kernel], background: '#000000', ...EXACT });
  return channels === 'rgb' ? pipeline : pipeline.greyscale().toColourspace('b-w');
}

/** A JPEG must not be shrunk while it is decoded: that would be another filter than the one asked for. */
const EXACT = { fastShrinkOnLoad: false } as const;

async function cutCentre(sharp: Sharp, { height, width }: NonNullable<PixelSpec['crop']>, kernel: Kernel) {
  const { data, info } = await sharp
    .resize({ width, height, fit: 'cover', position: 'centre', kernel: KERNELS[kernel], ...EXACT })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return openRaw(data, info.height, info.width, info.channels);
}

/** x·scale, then (x − mean)/std a channel in RGB order, then the channels backwards where asked. */
function normalizeInto(
  pixels: Uint8Array | Float32Array,
  found: number,
  { height, width, channels, normalize }: SettledPixels,
  into: Float32Array,
  at: number,
): void {
  const wanted = channelCount(channels);
  const { scale, mean, std, reverse } = normalize;
  const last = wanted - 1;
  for (let channel = 0; channel < wanted; channel++) {
    const source = reverse ? last - channel : channel;
    const [m, s] = [mean[source] ?? mean[0] ?? 0, std[source] ?? std[0] ?? 1];
    const places = height * width;
    for (
      let place = 0, from = found === 1 ? 0 : source, to = at + channel;
      place < places;
      place++, from += found, to += wanted
    ) {
      into[to] = ((pixels[from] ?? 0) * scale - m) / s;
    }
  }
}

/** One stored image to float32 numbers [height, width, channels], as a PixelSpec says. */
import type { Sharp } from 'sharp';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import { changeImage, type ImageChange } from './augment.ts';
import { decodeProblem, describeForeign, openEncoded, openRaw } from './decode.ts';
import { centred, enlarge, scaledTo } from './enlarge.ts';
import { formatOf } from './format.ts';
import { readJpegHeader } from './jpeg-header.ts';
import { normalizeInto } from './normalize.ts';
import type { Channels, Kernel, PixelSpec, SettledPixels } from './pixel-spec.ts';
import type { Extent, Pixels } from './pixels.ts';
import { plainPixels, withoutRepeats, withRepeats } from './plain-pixels.ts';
import { conversionOf, knownConversion } from './profile-conversion.ts';
import { shrink } from './shrink.ts';
import type { StoredImage } from './stored-image.ts';

/** sharp's names. Its `linear` is the triangle filter, widened where it shrinks; large steps begin with a box filter. */
const KERNELS: Readonly<Record<Kernel, 'nearest' | 'linear' | 'cubic' | 'mitchell' | 'lanczos2' | 'lanczos3'>> = {
  nearest: 'nearest',
  bilinear: 'linear',
  cubic: 'cubic',
  mitchell: 'mitchell',
  lanczos2: 'lanczos2',
  lanczos3: 'lanczos3',
};

/** Writes the image to `into[at …]`, changed before it is normalized where a change is given. */
export async function prepare(
  image: StoredImage,
  spec: SettledPixels,
  into: Float32Array,
  at: number,
  change?: ImageChange,
): Promise<Result<void, Diagnostic>> {
  if (prepareAtOnce(image, spec, into, at, change)) return ok(undefined);
  try {
    if ((await learnProfile(image)) && prepareAtOnce(image, spec, into, at, change)) return ok(undefined);
    const opened = await open(image);
    if (!opened.ok) return opened;
    finish(await fitted(opened.value, spec), spec, into, at, change);
    return ok(undefined);
  } catch (error) {
    return err(decodeProblem(error, image.path));
  }
}

/** Tries the colour profile of a JPEG, if that is not done. @returns whether it was new and needs no libvips */
async function learnProfile(image: StoredImage): Promise<boolean> {
  const profile = image.kind === 'encoded' ? readJpegHeader(image.bytes)?.profile : undefined;
  return profile !== undefined && !knownConversion(profile) && (await conversionOf(profile)) !== 'by libvips';
}

/**
 * The same without sharp and without waiting, for plain pixels: the same bits.
 * @returns whether that was possible; where not, nothing was written
 */
export function prepareAtOnce(
  image: StoredImage,
  spec: SettledPixels,
  into: Float32Array,
  at: number,
  change?: ImageChange,
): boolean {
  const plain = plainPixels(
    image,
    (extent, channels) => (channels === 1 || spec.channels === 'rgb') && !shrunkWhileDecoded(extent, spec),
  );
  const seen = plain && fittedAtOnce(plain, spec);
  if (!seen) return false;
  // libvips gives gray images three channels; the mean of one has other last bits.
  finish(change && spec.channels === 'rgb' ? withRepeats(seen) : seen, spec, into, at, change);
  return true;
}

function finish(seen: Pixels, spec: SettledPixels, into: Float32Array, at: number, change?: ImageChange): void {
  const { height, width } = spec;
  if (seen.height !== height || seen.width !== width) throw new Error(`came out as ${seen.width}×${seen.height}`);
  const data = change ? changeImage(seen.data, { height, width, channels: seen.channels }, change) : seen.data;
  normalizeInto({ data, channels: seen.channels }, spec, into, at);
}

/** As `fitted` does; undefined where that is libvips' work: to weigh colours as gray. */
function fittedAtOnce(plain: Pixels, { fit, kernel, channels, crop, ...size }: PixelSpec): Pixels | undefined {
  if (plain.channels !== 1 && channels !== 'rgb') return undefined;
  const light = withoutRepeats(plain);
  const cut = crop ? resizedAtOnce(light, { size: crop, fit: 'cover', kernel }) : light;
  return cut && resizedAtOnce(cut, { size, fit, kernel });
}

/** As `resized` does. */
function resizedAtOnce(image: Pixels, { size, fit, kernel }: Resize): Pixels | undefined {
  if (image.height === size.height && image.width === size.width) return image;
  const scaled = scaledTo(image, size, fit);
  if (kernel === 'nearest') return centred(enlarge(image, scaled, kernel), size);
  if (scaled.height <= image.height && scaled.width <= image.width) {
    const small = shrink(image, size, fit, kernel);
    return small && centred(small, size);
  }
  const least = { height: Math.min(image.height, scaled.height), width: Math.min(image.width, scaled.width) };
  const same = least.height === image.height && least.width === image.width;
  const small = same ? image : shrink(image, least, 'fill', kernel);
  return small && centred(enlarge(small, scaled, kernel), size);
}

/** A sharp pipeline, and the height and width of what it gives. */
interface Opened {
  readonly sharp: Sharp;
  readonly extent: Extent;
}

async function open(image: StoredImage): Promise<Result<Opened, Diagnostic>> {
  if (image.kind === 'raw')
    return ok({ sharp: await openRaw(image.pixels, image.height, image.width, image.channels), extent: image });
  if (!formatOf(image.bytes)) {
    return err(
      problem('I002', `${image.path} ${describeForeign(image.bytes)}`, {
        help: 'PNG, JPEG, WebP and GIF are read; leave the file out with `exclude`, or with `onBadImage: skip`',
      }),
    );
  }
  const header = readJpegHeader(image.bytes);
  if (header) {
    const srgb = header.profile !== undefined && (await conversionOf(header.profile)) === 'none';
    return ok({ sharp: await openEncoded(image.bytes, srgb), extent: header });
  }
  const sharp = await openEncoded(image.bytes);
  return ok({ sharp, extent: (await sharp.metadata()).autoOrient });
}

/** What a network sees of an image, still in 8 bits. sharp resizes once a pipeline, so a crop is a pipeline of its own. */
async function fitted({ sharp, extent }: Opened, { fit, kernel, channels, crop, ...size }: PixelSpec): Promise<Pixels> {
  const upright = sharp.flatten({ background: '#ffffff' }).toColourspace('srgb');
  if (!crop) return resized(inChannels(upright, channels), extent, { size, fit, kernel });
  const cut = await resized(upright, extent, { size: crop, fit: 'cover', kernel });
  const again = await openRaw(cut.data, cut.height, cut.width, cut.channels);
  return resized(inChannels(again, channels), crop, { size, fit, kernel });
}

function inChannels(sharp: Sharp, channels: Channels): Sharp {
  return channels === 'rgb' ? sharp : sharp.greyscale().toColourspace('b-w');
}

interface Resize extends Pick<PixelSpec, 'fit' | 'kernel'> {
  readonly size: Extent;
}

/** Made smaller by libvips and larger by us: in each direction only one of them changes anything. */
async function resized(sharp: Sharp, extent: Extent, { size, fit, kernel }: Resize): Promise<Pixels> {
  const { height, width } = size;
  const scaled = scaledTo(extent, size, fit);
  const picks = kernel === 'nearest';
  if (!picks && scaled.height <= extent.height && scaled.width <= extent.width)
    return pixelsOf(shrunk(sharp, { height, width, fit, kernel }));
  const least = { height: Math.min(extent.height, scaled.height), width: Math.min(extent.width, scaled.width) };
  const small = await pixelsOf(picks ? sharp : shrunk(sharp, { ...least, fit: 'fill', kernel }));
  return centred(enlarge(small, scaled, kernel), { height, width });
}

/**
 * Whether sharp decodes a JPEG of this extent at half the size or less, which is another filter than the one asked for: from a factor of four
 * in both directions on, since one of two at least is left to the resize.
 */
function shrunkWhileDecoded({ height, width }: Extent, { crop, fit, kernel, ...size }: PixelSpec): boolean {
  const wanted = crop ?? size;
  const [down, across] = [height / wanted.height, width / wanted.width];
  const factor = !crop && fit === 'contain' ? Math.max(down, across) : Math.min(down, across);
  return kernel !== 'nearest' && factor >= 4;
}

function shrunk(sharp: Sharp, { height, width, fit, kernel }: Extent & Pick<PixelSpec, 'fit' | 'kernel'>): Sharp {
  return sharp.resize({
    width,
    height,
    fit,
    kernel: KERNELS[kernel],
    background: '#000000',
    fastShrinkOnLoad: false,
  });
}

async function pixelsOf(sharp: Sharp): Promise<Pixels> {
  const { data, info } = await sharp.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return { data, height: info.height, width: info.width, channels: info.channels };
}

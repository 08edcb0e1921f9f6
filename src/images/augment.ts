/**
 * Random changes of training images: one affine resampling with bilinear interpolation, then contrast and brightness, on values 0–255
 * before they are normalized. The draws of an image hang on the seed, its bytes and the epoch alone.
 */
import { drawKey, philox4x32 } from '../base/philox.ts';
import type { Augmentation, FillMode } from './pixel-spec.ts';

/** One change, as drawn. The image is flipped, zoomed, sheared and turned about its centre, in this order, then shifted. */
export interface ImageChange {
  readonly flipHorizontal: boolean;
  readonly flipVertical: boolean;
  /** Pixels. */
  readonly down: number;
  readonly right: number;
  /** Radians, clockwise. */
  readonly rotate: number;
  /** Factor on the size. */
  readonly zoom: number;
  /** Radians by which upright lines lean; their lower end goes right. */
  readonly shear: number;
  /** Factor on the distance from the mean of a channel. */
  readonly contrast: number;
  /** Added, of values 0–255. */
  readonly brightness: number;
  readonly fill: FillMode;
}

export interface ChangeDraws {
  readonly seed: number;
  readonly epoch: number;
  /** Digest of the image. */
  readonly image: Uint8Array;
}

const DEGREE = Math.PI / 180;

/** The change of one image in one epoch. Every setting has a draw of its own: changing one leaves the others' draws as they are. */
export function drawChange(
  { flip, shift, rotate, zoom, shear, contrast, brightness, fill }: Augmentation,
  { height, width }: { readonly height: number; readonly width: number },
  draws: ChangeDraws,
): ImageChange {
  const words = drawWords(draws);
  const uniform = (word: number) => (words[word] ?? 0) / 2 ** 32;
  const between = (word: number, limit: number) => (2 * uniform(word) - 1) * limit;
  return {
    flipHorizontal: (flip === 'horizontal' || flip === 'both') && uniform(0) < 0.5,
    flipVertical: (flip === 'vertical' || flip === 'both') && uniform(1) < 0.5,
    down: between(2, shift.height * height),
    right: between(3, shift.width * width),
    rotate: between(4, rotate * DEGREE),
    zoom: 1 + between(5, zoom),
    shear: between(6, shear * DEGREE),
    contrast: 1 + between(7, contrast),
    brightness: between(8, brightness * 255),
    fill,
  };
}

/** Twelve words under (seed, 'augment'); the counter is the first eight bytes of the image's digest, the block, the epoch. */
function drawWords({ seed, epoch, image }: ChangeDraws): Uint32Array {
  const [k0, k1] = drawKey(seed, 'augment');
  const digest = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const words = new Uint32Array(12);
  for (let block = 0; block < 3; block++)
    philox4x32(digest.getUint32(0, true), digest.getUint32(4, true), block, epoch, k0, k1, words, block * 4);
  return words;
}

interface Extents {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** The changed image [height, width, channels], values 0 to 255, not rounded. */
export function changeImage(pixels: Uint8Array, extents: Extents, change: ImageChange): Float32Array {
  const changed = moves(change) ? resampled(pixels, extents, change) : Float32Array.from(pixels);
  if (change.contrast !== 1 || change.brightness !== 0) recolour(changed, extents.channels, change);
  return changed;
}

function moves({ flipHorizontal, flipVertical, down, right, rotate, zoom, shear }: ImageChange): boolean {
  return flipHorizontal || flipVertical || down !== 0 || right !== 0 || rotate !== 0 || zoom !== 1 || shear !== 0;
}

/** Where a place of the new image lies in the old one: y = y0 + yy·Y + yx·X, x = x0 + xy·Y + xx·X. */
function inverseMap({ height, width }: Extents, change: ImageChange) {
  const { flipHorizontal, flipVertical, down, right, rotate, zoom, shear } = change;
  const [cos, sin, lean] = [Math.cos(rotate), Math.sin(rotate), Math.tan(shear)];
  const [vertical, horizontal] = [(flipVertical ? -1 : 1) / zoom, (flipHorizontal ? -1 : 1) / zoom];
  const yy = vertical * cos;
  const yx = -vertical * sin;
  const xy = horizontal * (sin - lean * cos);
  const xx = horizontal * (cos + lean * sin);
  const [centreY, centreX] = [(height - 1) / 2, (width - 1) / 2];
  const y0 = centreY - yy * (centreY + down) - yx * (centreX + right);
  const x0 = centreX - xy * (centreY + down) - xx * (centreX + right);
  return { y0, yy, yx, x0, xy, xx };
}

function resampled(pixels: Uint8Array, extents: Extents, change: ImageChange): Float32Array {
  const { height, width, channels } = extents;
  const { y0, yy, yx, x0, xy, xx } = inverseMap(extents, change);
  const placeIn = PLACES[change.fill];
  // Behind the last pixel lies a black one, for places that are outside.
  const source = new Uint8Array(pixels.length + channels);
  source.set(pixels);
  const black = height * width;
  const at = (row: number, column: number) => (row < 0 || column < 0 ? black : row * width + column) * channels;
  const made = new Float32Array(pixels.length);
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const y = y0 + yy * row + yx * column;
      const x = x0 + xy * row + xx * column;
      const above = Math.floor(y);
      const left = Math.floor(x);
      const [top, bottom] = [placeIn(above, height), placeIn(above + 1, height)];
      const [first, second] = [placeIn(left, width), placeIn(left + 1, width)];
      const a = at(top, first);
      const b = at(top, second);
      const c = at(bottom, first);
      const d = at(bottom, second);
      for (let channel = 0; channel < channels; channel++) {
        const upper = mixed(source[a + channel] ?? 0, source[b + channel] ?? 0, x - left);
        const under = mixed(source[c + channel] ?? 0, source[d + channel] ?? 0, x - left);
        made[to++] = mixed(upper, under, y - above);
      }
    }
  }
  return made;
}

function mixed(one: number, other: number, share: number): number {
  return one * (1 - share) + other * share;
}

/** Which of `extent` places stands at `place`; −1 for none. */
const PLACES: Readonly<Record<FillMode, (place: number, extent: number) => number>> = {
  nearest: (place, extent) => Math.min(Math.max(place, 0), extent - 1),
  // d c b a | a b c d | d c b a
  reflect(place, extent) {
    const turned = modulo(place, 2 * extent);
    return turned < extent ? turned : 2 * extent - 1 - turned;
  },
  wrap: modulo,
  black: (place, extent) => (place < 0 || place >= extent ? -1 : place),
};

function modulo(place: number, extent: number): number {
  const rest = place % extent;
  return rest < 0 ? rest + extent : rest;
}

/** (x − mean)·contrast + mean + brightness with the mean of each channel, as Keras' RandomContrast and RandomBrightness, cut to 0–255 at the end. */
function recolour(pixels: Float32Array, channels: number, { contrast, brightness }: ImageChange): void {
  for (let channel = 0; channel < channels; channel++) {
    let sum = 0;
    for (let at = channel; at < pixels.length; at += channels) sum += pixels[at] ?? 0;
    const mean = (sum * channels) / pixels.length;
    for (let at = channel; at < pixels.length; at += channels) {
      const value = ((pixels[at] ?? 0) - mean) * contrast + mean + brightness;
      pixels[at] = Math.min(255, Math.max(0, value));
    }
  }
}

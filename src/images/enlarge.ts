/**
 * Enlarging by Pillow's filters: pixel centres lie at halves, and weights beyond the edges are shared out again. libvips shifts what it
 * enlarges by half a pixel and knows fewer kernels there, and picks other pixels for `nearest`; what it else makes smaller is taken as it is.
 */
import { FILTERS } from './filters.ts';
import { mixed, type Taps } from './pixel-kernels.ts';
import type { Fit, Kernel } from './pixel-spec.ts';
import type { Extent, Pixels } from './pixels.ts';

/** The extent that an image is scaled to before it is cut or padded. Never below one pixel. */
export function scaledTo({ height, width }: Extent, wanted: Extent, fit: Fit): Extent {
  if (fit === 'fill') return wanted;
  const across = wanted.width / width;
  const down = wanted.height / height;
  const scale = fit === 'cover' ? Math.max(across, down) : Math.min(across, down);
  const scaled = (extent: number) => Math.max(1, Math.round(extent * scale));
  return { height: scaled(height), width: scaled(width) };
}

/** The image at a size that is at least its own in both directions; for `nearest` at any size. */
export function enlarge(image: Pixels, wanted: Extent, kernel: Kernel): Pixels {
  const across = axisTaps(image.width, wanted.width, kernel);
  const down = axisTaps(image.height, wanted.height, kernel);
  return { data: mixed(image, across, down), ...wanted, channels: image.channels };
}

function axisTaps(size: number, wanted: number, kernel: Kernel): Taps {
  const scale = size / wanted;
  if (kernel === 'nearest' || size === wanted) {
    const places = Int32Array.from({ length: wanted }, (_, i) => Math.floor((i + 0.5) * scale));
    return { count: 1, places, weights: new Float64Array(wanted).fill(1) };
  }
  const { reach, at } = FILTERS[kernel];
  const count = 2 * reach;
  const places = new Int32Array(wanted * count);
  const weights = new Float64Array(wanted * count);
  for (let i = 0; i < wanted; i++) {
    const centre = (i + 0.5) * scale;
    const first = Math.floor(centre - 0.5) - reach + 1;
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      const place = first + tap;
      if (place < 0 || place >= size) continue;
      const weight = at(place + 0.5 - centre);
      places[i * count + tap] = place;
      weights[i * count + tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < count; tap++) weights[i * count + tap] = (weights[i * count + tap] ?? 0) / sum;
  }
  return { count, places, weights };
}

/** The middle of a larger image, or the image in the middle of black. Of an odd number of pixels one more is cut off at the start, or added at the end. */
export function centred({ data, height, width, channels }: Pixels, wanted: Extent): Pixels {
  if (height === wanted.height && width === wanted.width) return { data, height, width, channels };
  const out = new Uint8Array(wanted.height * wanted.width * channels);
  const [top, left] = [Math.ceil((height - wanted.height) / 2), Math.ceil((width - wanted.width) / 2)];
  const columns = Math.min(width, wanted.width) * channels;
  for (let y = Math.max(0, -top); y < Math.min(wanted.height, height - top); y++) {
    const from = ((y + top) * width + Math.max(0, left)) * channels;
    out.set(data.subarray(from, from + columns), (y * wanted.width + Math.max(0, -left)) * channels);
  }
  return { data: out, ...wanted, channels };
}

/**
 * Making smaller as libvips does, to the same bits: its reducev, then its reduceh (John Cupitt and Kleis Auke Wolthuizen), each with a box
 * filter before it where more than three quarters of the pixels go. Weights have 12 bits and are tabled for 64 places between two pixels.
 */
import { FILTERS } from './filters.ts';
import { kernels, placeOf, places } from './kernels.ts';
import type { Fit, Kernel } from './pixel-spec.ts';
import type { Extent, Pixels } from './pixels.ts';

type Smooth = Exclude<Kernel, 'nearest'>;

/** One direction: a box filter, and which pixels of its result a new one is mixed of, by weights in pairs. */
interface Reduction {
  readonly size: number;
  /** Pixels to one mean; 1 for no box filter. */
  readonly box: number;
  readonly pairs: number;
  /** [size]: the first pixel of each. */
  readonly first: Int32Array;
  /** [size, pairs · 2]. */
  readonly weights: Int16Array;
}

/** What a direction of `size` pixels is divided by. */
interface Step {
  readonly size: number;
  readonly factor: number;
  readonly kernel: Smooth;
  /** So many places are counted on from the first of them. Where a place is halfway between two of the table, the last bit decides. */
  readonly run: number;
}

/** libvips makes so many rows at once, and rows from end to end. */
const RUNS = { down: 10, across: Number.POSITIVE_INFINITY };

/** Places between two pixels, and one unit of weight. */
const BETWEEN = 64;
const ONE = 4096;
/** Sums of so many pixels fit in 16 bits. */
const MOST_IN_BOX = 256;

/** Large sets of images come in few sizes. */
const tabled = new Map<string, Reduction>();
const MOST_TABLED = 1024;

function reductionOf(step: Step): Reduction {
  const name = `${step.size}/${step.factor}/${step.kernel}/${step.run}`;
  const found = tabled.get(name) ?? reduction(step);
  if (tabled.size >= MOST_TABLED) tabled.clear();
  tabled.set(name, found);
  return found;
}

/** What sharp divides height and width by; undefined where one of them would grow. */
function factors({ height, width }: Extent, wanted: Extent, fit: Fit): Extent | undefined {
  const [down, across] = [height / wanted.height, width / wanted.width];
  const both = fit === 'cover' ? Math.min(down, across) : Math.max(down, across);
  const [byHeight, byWidth] = fit === 'fill' ? [down, across] : [both, both];
  if (byHeight < 1 || byWidth < 1) return undefined;
  return { height: reciprocal(byHeight, height), width: reciprocal(byWidth, width) };
}

/** sharp gives libvips one over the factor, and libvips takes one over that; one pixel stays. */
function reciprocal(factor: number, size: number): number {
  return 1 / Math.max(1 / factor, 1 / size);
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

function reduction({ size, factor, kernel, run }: Step): Reduction {
  const wanted = Math.floor(size / factor + 0.5);
  const box = Math.max(1, Math.floor(size / wanted / 2));
  const length = Math.ceil(size / box);
  const scale = factor / box;
  const places = Array.from({ length: wanted }, (_, i) => i);
  if (scale === 1)
    return {
      size: wanted,
      box,
      pairs: 1,
      first: Int32Array.from(places),
      weights: Int16Array.from(places.flatMap(() => [ONE, 0])),
    };
  const extra = (wanted * factor - size) / box;
  const points = 2 * roundHalfToEven(FILTERS[kernel].reach * scale) + 1;
  const tables = Array.from({ length: BETWEEN + 1 }, (_, i) => weightsAt(i / BETWEEN, scale, points, kernel));
  const start = (1 + extra) / 2 - 1;
  let place = 0;
  const taps = places.map((i) => {
    place = i % run === 0 ? (i + 0.5) * scale - 0.5 - start : place + scale;
    const whole = Math.trunc(place);
    const between = ((Math.trunc(place * BETWEEN * 2) & (BETWEEN * 2 - 1)) + 1) >> 1;
    return trimmed(whole - (points - 1) / 2, tables[between] ?? [], length);
  });
  const pairs = Math.ceil(Math.max(...taps.map(({ weights }) => weights.length)) / 2);
  const weights = new Int16Array(wanted * pairs * 2);
  for (const [i, tap] of taps.entries()) weights.set(tap.weights, i * pairs * 2);
  return { size: wanted, box, pairs, first: Int32Array.from(taps, ({ first }) => first), weights };
}

/** The weights of `points` pixels, of which the one in the middle lies `between` … 1 before the place. */
function weightsAt(between: number, scale: number, points: number, kernel: Smooth): readonly number[] {
  const middle = between + points / 2 - 1;
  const values = Array.from({ length: points }, (_, i) => FILTERS[kernel].at((i - middle) / scale));
  const sum = values.reduce((total, value) => total + value, 0);
  return values.map((value) => Math.trunc((value / sum) * ONE));
}

/** Without the zeros at both ends; pixels beyond the edges are those at the edges. */
function trimmed(from: number, weights: readonly number[], length: number) {
  const inside = (i: number) => Math.min(length - 1, Math.max(0, from + i));
  const start = weights.findIndex((weight) => weight !== 0);
  const end = weights.findLastIndex((weight) => weight !== 0);
  const first = inside(start);
  const kept = new Int16Array(inside(end) - first + 1);
  for (let i = start; i <= end; i++) {
    const place = inside(i) - first;
    kept[place] = (kept[place] ?? 0) + (weights[i] ?? 0);
  }
  return { first, weights: kept };
}

/**
 * The image made smaller, before it is cut or padded to what is wanted.
 * @returns a view of the kernels' memory, good until they do anything else; undefined where it would grow in a direction, or where libvips does it in another way
 */
export function shrink(image: Pixels, wanted: Extent, fit: Fit, kernel: Smooth): Pixels | undefined {
  const by = factors(image, wanted, fit);
  if (!by || (image.channels !== 1 && image.channels !== 3)) return undefined;
  const down = reductionOf({ size: image.height, factor: by.height, kernel, run: RUNS.down });
  const across = reductionOf({ size: image.width, factor: by.width, kernel, run: RUNS.across });
  return down.box > MOST_IN_BOX || across.box > MOST_IN_BOX ? undefined : reduced(image, down, across);
}

function reduced({ data: given, height, width, channels }: Pixels, down: Reduction, across: Reduction): Pixels {
  const { memory, averageAcross, averageDown, shrinkAcross1, shrinkAcross3, shrinkDown } = kernels();
  const samples = width * channels;
  const boxHeight = Math.ceil(height / down.box);
  const boxWidth = Math.ceil(width / across.box);
  const here = placeOf(given);
  const [from = 0, boxed = 0, rows = 0, downWeights = 0, low = 0, narrow = 0, columns = 0, acrossWeights = 0, to = 0] =
    places(
      [
        here.at === undefined ? given.length : 0,
        down.box > 1 ? boxHeight * samples : 0,
        down.size * down.pairs * 8,
        down.weights.byteLength,
        down.size * samples,
        across.box > 1 ? down.size * boxWidth * channels : 0,
        across.size * 4,
        across.weights.byteLength,
        across.size * down.size * channels,
      ],
      here.free,
    );
  if (here.at === undefined) new Uint8Array(memory.buffer, from).set(given);
  const source = here.at ?? from;
  if (down.box > 1) averageDown(source, samples, height, down.box, boxed);
  const top = down.box > 1 ? boxed : source;
  const addresses = new Int32Array(memory.buffer, rows, down.size * down.pairs * 2);
  const taps = down.pairs * 2;
  for (let row = 0; row < down.size; row++) {
    const first = down.first[row] ?? 0;
    // A weight of nothing may stand behind the last row.
    for (let tap = 0; tap < taps; tap++)
      addresses[row * taps + tap] = top + Math.min(boxHeight - 1, first + tap) * samples;
  }
  new Int16Array(memory.buffer, downWeights).set(down.weights);
  shrinkDown(rows, downWeights, down.pairs, low, samples, down.size);
  if (across.box > 1) averageAcross(low, width, channels, down.size, across.box, narrow);
  const left = across.box > 1 ? narrow : low;
  const offsets = new Int32Array(memory.buffer, columns, across.size);
  for (let column = 0; column < across.size; column++) offsets[column] = (across.first[column] ?? 0) * channels;
  new Int16Array(memory.buffer, acrossWeights).set(across.weights);
  const mix = channels === 3 ? shrinkAcross3 : shrinkAcross1;
  mix(left, boxWidth * channels, down.size, columns, acrossWeights, across.pairs, to, across.size);
  const data = new Uint8Array(memory.buffer, to, across.size * down.size * channels);
  return { data, height: down.size, width: across.size, channels };
}

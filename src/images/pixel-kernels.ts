/** Pixels mixed of others, and pixels to numbers, by kernels. */
import { kept, kernels, placeOf, places } from './kernels.ts';
import type { MatrixShaper } from './matrix-profile.ts';
import type { Pixels } from './pixels.ts';

/** Of one axis: which old pixels a new one is mixed of. */
export interface Taps {
  /** Old pixels a new one. */
  readonly count: number;
  /** [new extent, count]. */
  readonly places: Int32Array;
  readonly weights: Float64Array;
}

/** The image mixed anew, first across, then down: [new height, new width, channels]. */
export function mixed({ data: given, height, width, channels }: Pixels, across: Taps, down: Taps): Uint8Array {
  const data = kept(given);
  const { memory, mixAcross, mixDown } = kernels();
  const samples = (across.places.length / across.count) * channels;
  const newHeight = down.places.length / down.count;
  const perSample = ofSamples(across, channels);
  const [from = 0, acrossPlaces = 0, acrossWeights = 0, downRows = 0, downWeights = 0, wide = 0, to = 0] = places([
    data.length,
    perSample.places.byteLength,
    perSample.weights.byteLength,
    down.places.byteLength,
    down.weights.byteLength,
    height * samples * 4,
    newHeight * samples,
  ]);
  const { buffer } = memory;
  new Uint8Array(buffer, from).set(data);
  new Int32Array(buffer, acrossPlaces).set(perSample.places);
  new Float64Array(buffer, acrossWeights).set(perSample.weights);
  new Int32Array(buffer, downRows).set(down.places.map((row) => wide + row * samples * 4));
  new Float64Array(buffer, downWeights).set(down.weights);
  mixAcross(from, width * channels, height, acrossPlaces, acrossWeights, across.count, wide, samples);
  mixDown(downRows, downWeights, down.count, to, samples, newHeight);
  return new Uint8Array(buffer.slice(to, to + newHeight * samples));
}

/** Taps of a row's samples, channel by channel, in place of those of its pixels. */
function ofSamples({ count, places, weights }: Taps, channels: number): Omit<Taps, 'count'> {
  if (channels === 1) return { places, weights };
  const source = (sample: number) => {
    const pixel = Math.floor(sample / (channels * count));
    return { tap: pixel * count + (sample % count), channel: Math.floor(sample / count) % channels };
  };
  const spread = new Int32Array(places.length * channels).map((_, sample) => {
    const { tap, channel } = source(sample);
    return (places[tap] ?? 0) * channels + channel;
  });
  return {
    places: spread,
    weights: new Float64Array(spread.length).map((_, sample) => weights[source(sample).tap] ?? 0),
  };
}

/** What each of 256 values becomes, and the channel it is taken from. */
export interface Lookup {
  readonly table: Float32Array;
  readonly channel: number;
}

/** So many pixels' numbers stay in the fastest memory until they are copied. */
const PIXELS_AT_ONCE = 2048;

/** Pixels of `channels` to three numbers each, into `into[at …]`. Gray ones give their only channel to all three. */
export function lookUpThree(
  { data, channels }: Pick<Pixels, 'data' | 'channels'>,
  lookups: readonly [Lookup, Lookup, Lookup],
  into: Float32Array,
  at: number,
): void {
  const { memory, lookUpGray, lookUpColours } = kernels();
  const pixels = data.length / channels;
  const here = placeOf(data);
  const [tables = 0, to = 0, copy = 0] = places(
    [3 * 1024, PIXELS_AT_ONCE * 12, here.at === undefined ? here.length : 0],
    here.free,
  );
  const { buffer } = memory;
  lookups.forEach(({ table }, i) => {
    new Float32Array(buffer, tables + i * 1024).set(table);
  });
  if (here.at === undefined) new Uint8Array(buffer, copy).set(data);
  const [first, second, third] = lookups;
  for (let done = 0; done < pixels; done += PIXELS_AT_ONCE) {
    const count = Math.min(PIXELS_AT_ONCE, pixels - done);
    const from = (here.at ?? copy) + done * channels;
    if (channels === 1) lookUpGray(from, count, tables, to);
    else lookUpColours(from, count, first.channel, second.channel, third.channel, tables, to);
    into.set(new Float32Array(buffer, to, count * 3), at + done * 3);
  }
}

/** Red, green and blue of another profile to sRGB's: in place where they lie in the kernels' memory. */
export function shapeColours(data: Uint8Array, { sums, curve }: MatrixShaper): Uint8Array {
  const { memory, shapeColours: shape } = kernels();
  const here = placeOf(data);
  const [sumsAt = 0, curveAt = 0, copy = 0] = places([sums.byteLength, curve.length, data.length], here.free);
  const at = here.at ?? copy;
  new Int32Array(memory.buffer, sumsAt).set(sums);
  new Uint8Array(memory.buffer, curveAt).set(curve);
  if (here.at === undefined) new Uint8Array(memory.buffer, at).set(data);
  shape(at, here.length / 3, sumsAt, curveAt);
  const shaped = new Uint8Array(memory.buffer, at, here.length);
  return here.at === undefined ? shaped.slice() : shaped;
}

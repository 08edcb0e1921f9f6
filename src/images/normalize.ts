/** Values 0–255 to the numbers that a network takes: x·scale, then (x − mean)/std a channel in RGB order, then the channels backwards where asked. */
import { lookUpThree } from './pixel-kernels.ts';
import { channelCount, type SettledPixels } from './pixel-spec.ts';

/** One image, [height, width, channels]: 8 bits, or changed by augmentation and no longer whole numbers. */
export interface SeenPixels {
  readonly data: Uint8Array | Float32Array;
  /** 1 is repeated where three are wanted. */
  readonly channels: number;
}

/** Writes the image to `into[at …]`. */
export function normalizeInto(seen: SeenPixels, spec: SettledPixels, into: Float32Array, at: number): void {
  const { data } = seen;
  const wanted = channelCount(spec.channels);
  const sources = Array.from({ length: wanted }, (_, channel) => sourceOf(spec, channel));
  if (data instanceof Float32Array) {
    for (const [channel, source] of sources.entries()) {
      const { value, offset } = source;
      const step = seen.channels;
      for (let from = step === 1 ? 0 : offset, to = at + channel; from < data.length; from += step, to += wanted)
        into[to] = value(data[from] ?? 0);
    }
    return;
  }
  const [first, second, third] = sources.map(({ value, offset }) => ({ table: tableOf(value), channel: offset }));
  if (!first) throw new Error('an image without channels');
  if (second && third) lookUpThree({ data, channels: seen.channels }, [first, second, third], into, at);
  else for (let from = 0; from < data.length; from++) into[at + from] = first.table[data[from] ?? 0] ?? 0;
}

/** Of a channel of the output: which one of the image it comes from, and what a value becomes. */
function sourceOf({ channels, normalize }: SettledPixels, channel: number) {
  const { scale, mean, std, reverse } = normalize;
  const offset = reverse ? channelCount(channels) - 1 - channel : channel;
  const [m, s] = [mean[offset] ?? mean[0] ?? 0, std[offset] ?? std[0] ?? 1];
  return { offset, value: (number: number) => (number * scale - m) / s };
}

function tableOf(value: (number: number) => number): Float32Array {
  const table = new Float32Array(256);
  for (let number = 0; number < 256; number++) table[number] = value(number);
  return table;
}

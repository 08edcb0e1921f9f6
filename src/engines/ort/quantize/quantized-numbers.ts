/**
 * Numbers in eight bits. Activations: x ≈ scale·(q − zero), q in 0…255, zero exact, so that padding costs nothing. Weights: w ≈ scale·q, q in
 * −127…127, a scale an output channel (Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
 * inference", 2018).
 */

export interface Range {
  readonly min: number;
  readonly max: number;
}

export interface ActivationScale {
  readonly scale: number;
  readonly zero: number;
}

/** Below this a channel or an activation is as good as dead: its numbers all become zero. Smaller scales would lose bits of their own in float32. */
const SMALLEST_SCALE = 1e-30;

/** The scale that covers a range, which is widened to hold zero. */
export function activationScale({ min, max }: Range): ActivationScale {
  const [low, high] = [Math.min(0, min), Math.max(0, max)];
  const covering = Math.fround((high - low) / 255);
  const scale = covering > SMALLEST_SCALE ? covering : 1 / 255;
  return { scale, zero: Math.min(255, Math.max(0, Math.round(-low / scale))) };
}

export interface ChannelWeights {
  readonly data: Int8Array;
  /** One an output channel. */
  readonly scales: Float32Array;
  /** In units of input scale × weight scale. */
  readonly bias: Int32Array;
}

/** Most that a bias may take of an accumulator of 32 bits. */
const LARGEST_BIAS = 2 ** 30;

/**
 * @param weights the numbers of output channel c are those at which ⌊place / inner⌋ mod channels is c
 * @param inputScale of the activations that the weights meet
 */
export function quantizeWeights(
  weights: Float32Array,
  bias: Float32Array,
  inner: number,
  inputScale: number,
): ChannelWeights {
  const channels = bias.length;
  const channelAt = (at: number) => Math.floor(at / inner) % channels;
  const largest = new Float32Array(channels);
  for (let at = 0; at < weights.length; at++) {
    const c = channelAt(at);
    largest[c] = Math.max(largest[c] ?? 0, Math.abs(weights[at] ?? 0));
  }
  // A channel of tiny weights and a large bias is coarser than it could be, so that the bias fits.
  const scales = largest.map((most, c) => {
    const scale = Math.max(most / 127, Math.abs(bias[c] ?? 0) / (inputScale * LARGEST_BIAS));
    return scale > SMALLEST_SCALE ? scale : 1;
  });
  const data = Int8Array.from(weights, (weight, at) => roundHalfEven(weight / (scales[channelAt(at)] ?? 1)));
  return {
    data,
    scales,
    bias: Int32Array.from(bias, (value, c) => roundHalfEven(value / (inputScale * (scales[c] ?? 1)))),
  };
}

/**
 * What each output channel of a convolution lacks on average once its filters are rounded: Σ (w − ŵ) · E[x] over a filter, to be added to
 * the bias (Nagel et al., "Data-free quantization through weight equalization and bias correction", 2019). Zeros that pad are left aside.
 * @param weights [channels, inputs a group, height, width]
 * @param means of the input channels
 */
export function lostOfFilters(
  weights: { readonly shape: readonly number[]; readonly data: Float32Array },
  { data, scales }: ChannelWeights,
  means: Float32Array,
): Float64Array {
  const [channels = 0, inputs = 1] = weights.shape;
  const places = weights.data.length / (channels * inputs);
  const groupSize = channels / (means.length / inputs);
  const lost = new Float64Array(channels);
  for (let at = 0; at < data.length; at++) {
    const filter = Math.floor(at / places);
    const channel = Math.floor(filter / inputs);
    const input = Math.floor(channel / groupSize) * inputs + (filter % inputs);
    const rounded = (data[at] ?? 0) * (scales[channel] ?? 0);
    lost[channel] = (lost[channel] ?? 0) + ((weights.data[at] ?? 0) - rounded) * (means[input] ?? 0);
  }
  return lost;
}

export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

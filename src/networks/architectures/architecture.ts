/** What a built-in network is: its layers for any input, and how it wants its pixels. */
import type { Network } from '../network.ts';

/** Values that turn bytes 0–255 into inputs: x·scale, then (x − mean) / std a channel in RGB order, then BGR if `reverse`. */
export interface PixelValues {
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly reverse: boolean;
}

export interface NetworkOptions {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** With the classifier that the network was trained with. */
  readonly top: boolean;
  /** Classes of that classifier. */
  readonly classes: number;
  /** Width multiplier of MobileNet; 1 for the others. */
  readonly alpha: number;
}

export interface Architecture {
  readonly name: string;
  readonly summary: string;
  /** Side of the images that it was trained on, and the only one with the top. */
  readonly size: number;
  /** Channels that its weights were trained on. */
  readonly channels: 1 | 3;
  readonly classes: number;
  readonly pixels: PixelValues;
  /** Whether `alpha` is an option. */
  readonly scalable: boolean;
  build(options: NetworkOptions): Network;
}

/** Keras' pixel modes by name, and `none`. */
export const pixelModes = {
  /** BGR minus the mean of ImageNet, no scaling. */
  caffe: { scale: 1, mean: [123.68, 116.779, 103.939], std: [1, 1, 1], reverse: true },
  /** −1 to 1. */
  tf: { scale: 1 / 127.5, mean: [1, 1, 1], std: [1, 1, 1], reverse: false },
  /** 0 to 1, then the mean and deviation of ImageNet. */
  torch: { scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], reverse: false },
  /** 0 to 1. */
  unit: { scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1], reverse: false },
  /** 0 to 255. */
  none: { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], reverse: false },
} as const satisfies Readonly<Record<string, PixelValues>>;

/**
 * The values for another number of channels. Grey into a network of colours takes the mean over the channels: exact where
 * they are equal (MobileNet), else off by the differences of the means.
 */
export function pixelsForChannels(values: PixelValues, channels: number): PixelValues {
  if (channels !== 1) return { ...values, mean: widen(values.mean, channels), std: widen(values.std, channels) };
  return { scale: values.scale, mean: [average(values.mean)], std: [average(values.std)], reverse: false };
}

function widen(values: readonly number[], channels: number): readonly number[] {
  return values.length === channels ? values : Array.from({ length: channels }, (_, i) => values[i] ?? values[0] ?? 0);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

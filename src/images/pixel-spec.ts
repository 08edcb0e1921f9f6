/** How an image file becomes a float32 array [height, width, channels]: everything that reaches pixels. */
export const fits = ['fill', 'cover', 'contain'] as const;
export type Fit = (typeof fits)[number];
export const kernels = ['nearest', 'bilinear', 'cubic', 'mitchell', 'lanczos2', 'lanczos3'] as const;
export type Kernel = (typeof kernels)[number];
export const channelModes = ['rgb', 'gray', 'gray-as-rgb'] as const;
export type Channels = (typeof channelModes)[number];

/** `backbone` waits for the extraction to name the values; everything else is settled: x·scale, then (x − mean)/std a channel, then BGR if `reverse`. */
export type Normalization =
  | 'backbone'
  | {
      readonly scale: number;
      readonly mean: readonly number[];
      readonly std: readonly number[];
      readonly reverse: boolean;
    };

/** What stands beyond the edges of an image that was moved: its last pixels, its mirror image, the other side, or black. */
export const fillModes = ['nearest', 'reflect', 'wrap', 'black'] as const;
export type FillMode = (typeof fillModes)[number];
export const flips = ['none', 'horizontal', 'vertical', 'both'] as const;

/** How far the random changes of training images go; each is drawn evenly between both ends, and 0 leaves it out. */
export interface Augmentation {
  /** Each direction named is flipped in half of the draws. */
  readonly flip: (typeof flips)[number];
  /** Shares of the image's height and width, up or down, left or right. */
  readonly shift: { readonly height: number; readonly width: number };
  /** Degrees, either way around. */
  readonly rotate: number;
  /** The size is multiplied by 1 − zoom … 1 + zoom. */
  readonly zoom: number;
  /** Degrees by which upright lines lean, either way. */
  readonly shear: number;
  /** Distances from a channel's mean are multiplied by 1 − contrast … 1 + contrast. */
  readonly contrast: number;
  /** Share of the range 0–255 that is added or taken away. */
  readonly brightness: number;
  readonly fill: FillMode;
}

export interface PixelSpec {
  readonly height: number;
  readonly width: number;
  readonly fit: Fit;
  readonly kernel: Kernel;
  readonly channels: Channels;
  /** Centre crop before the resize, in pixels or absent. */
  readonly crop: { readonly height: number; readonly width: number } | null;
  readonly normalize: Normalization;
  /** Random changes of the images that a training reads; `null` for none. Rows with it have no row space. */
  readonly augment: Augmentation | null;
  readonly onBadImage: 'fail' | 'skip';
  /** Raised when the golden pixel vectors change. */
  readonly decoder: number;
}

/** A spec whose normalization is settled. */
export type SettledPixels = PixelSpec & { readonly normalize: Exclude<PixelSpec['normalize'], 'backbone'> };

export function channelCount(channels: Channels): 1 | 3 {
  return channels === 'gray' ? 1 : 3;
}

/** Numbers of one prepared image. */
export function preparedSize({ height, width, channels }: PixelSpec): number {
  return height * width * channelCount(channels);
}

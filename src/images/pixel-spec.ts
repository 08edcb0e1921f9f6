/** How an image file becomes a float32 array [height, width, channels]: everything that reaches pixels. */
import type { JsonObject } from '../base/json.ts';

export type Fit = 'fill' | 'cover' | 'contain';
export type Kernel = 'nearest' | 'bilinear' | 'cubic' | 'mitchell' | 'lanczos2' | 'lanczos3';
export type Channels = 'rgb' | 'gray' | 'gray-as-rgb';

/** `backbone` waits for the extraction to name the values; everything else is settled: x·scale, then (x − mean)/std a channel, then BGR if `reverse`. */
export type Normalization =
  | 'backbone'
  | {
      readonly scale: number;
      readonly mean: readonly number[];
      readonly std: readonly number[];
      readonly reverse: boolean;
    };

export interface PixelSpec {
  readonly height: number;
  readonly width: number;
  readonly fit: Fit;
  readonly kernel: Kernel;
  readonly channels: Channels;
  /** Centre crop before the resize, in pixels or absent. */
  readonly crop: { readonly height: number; readonly width: number } | null;
  readonly normalize: Normalization;
  /** Random changes at training time; `null` for none. Rows with it have no row space. */
  readonly augment: JsonObject | null;
  readonly onBadImage: 'fail' | 'skip';
  /** Raised when the golden pixel vectors change. */
  readonly decoder: number;
}

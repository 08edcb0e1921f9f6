/** The row space of a feature extraction: everything that decides a row besides the image itself. */
import { type Digest, taggedDigest } from '../base/digest.ts';
import type { JsonObject } from '../base/json.ts';
import type { Precision, Producer } from '../engines/engine.ts';
import type { PixelSpec, SettledPixels } from '../images/pixel-spec.ts';

/** Raised when the same space and image would give other numbers. */
const VERSION = 1;

export interface FeatureSpace {
  readonly id: Digest;
  /** What the id is the digest of. */
  readonly definition: JsonObject;
}

export interface FeatureSpaceParts {
  readonly pixels: SettledPixels;
  /** Architecture and options, weights digest, layer, pooling. */
  readonly backbone: JsonObject;
  readonly precision: Precision;
  /** Of int8 features: the version of the quantiser and the digest of the images that it was calibrated with. */
  readonly quantized: { readonly version: number; readonly images: Digest } | undefined;
  readonly store: 'float32' | 'float16';
  /** Only under `--strict-engine`. */
  readonly producer: Producer | undefined;
}

export function featureSpace(parts: FeatureSpaceParts): FeatureSpace {
  const { pixels, backbone, precision, quantized, store, producer } = parts;
  const definition: JsonObject = {
    kind: 'extract-features',
    version: VERSION,
    pixels: pixelIdentity(pixels),
    backbone,
    precision,
    ...(quantized && { quantized: { ...quantized } }),
    store,
    ...(producer && { producer: { ...producer } }),
  };
  return { id: taggedDigest('row-space', definition), definition };
}

/** What reaches pixels: neither augmentation, which stored rows do without, nor the treatment of bad images. */
export function pixelIdentity({ augment: _, onBadImage: __, ...pixels }: PixelSpec): JsonObject {
  const json: JsonObject = JSON.parse(JSON.stringify(pixels));
  return json;
}

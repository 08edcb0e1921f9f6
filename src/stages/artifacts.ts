/** What flows between stages. Each is a small JSON value plus blobs by digest; a cache entry holds both. */
import type { Digest } from '../base/digest.ts';
import type { JsonObject } from '../base/json.ts';
import type { NeighboursSettings } from '../classifiers/nearest-neighbours.ts';
import type { PixelSpec } from '../images/pixel-spec.ts';
import type { Network, Shape } from '../networks/network.ts';

export type ArtifactType = 'dataset' | 'images' | 'features' | 'model' | 'predictions' | 'metrics' | 'files';

/** Blob `rows` is an encoded RowTable. */
export interface DatasetArtifact {
  readonly type: 'dataset';
  readonly classes: readonly string[];
  readonly counts: Readonly<Record<'train' | 'validation' | 'test', number>>;
  readonly rows: Digest;
}

/** A dataset and how its pixels are prepared; pixels flow only when a consumer reads them. */
export interface ImagesArtifact {
  readonly type: 'images';
  readonly classes: readonly string[];
  readonly rows: Digest;
  readonly pixels: PixelSpec;
}

/** A dataset and the row space that holds one feature row an image digest. */
export interface FeaturesArtifact {
  readonly type: 'features';
  readonly classes: readonly string[];
  readonly rows: Digest;
  /** The row space's id, a folder below `<cache>/rows/`. */
  readonly space: Digest;
  readonly shape: Shape;
  readonly store: 'float32' | 'float16';
  /** How the features are made, for predicting on new images: pixels and backbone. */
  readonly source: JsonObject;
}

/** Blob `weights` is a safetensors file. */
export interface ModelArtifact {
  readonly type: 'model';
  readonly classes: readonly string[];
  readonly network: Network;
  readonly weights: Digest;
  /**
   * Where the classes come from votes of the nearest training rows, not from the network: it then only prepares a row for the
   * comparison (and may have no layers), and the weights hold the known rows too.
   */
  readonly neighbours?: NeighboursSettings;
  /** What its input is: features of a row space's definition, or pixels. */
  readonly reads:
    | { readonly type: 'features'; readonly source: JsonObject }
    | { readonly type: 'images'; readonly pixels: PixelSpec };
  readonly history: readonly EpochRecord[];
}

export interface EpochRecord {
  readonly epoch: number;
  /** Mean training loss (log-softmax of the logits, with regularization). */
  readonly loss: number;
  readonly 'validation-loss'?: number;
  readonly 'validation-accuracy'?: number;
  readonly 'learning-rate': number;
}

/** Blob `probabilities` is a float32 `.npy` [rows, classes]; blob `rows` the RowTable of exactly those rows, in order. */
export interface PredictionsArtifact {
  readonly type: 'predictions';
  readonly classes: readonly string[];
  readonly rows: Digest;
  readonly probabilities: Digest;
  readonly outputs: readonly OutputFile[];
}

export interface MetricsArtifact {
  readonly type: 'metrics';
  /** Scalars by name, in the order they are shown. */
  readonly values: Readonly<Record<string, number>>;
  /** Confusion matrix, per-class tables and the like. */
  readonly details: JsonObject;
}

export interface FilesArtifact {
  readonly type: 'files';
  readonly outputs: readonly OutputFile[];
}

/** A file made for people: a copy of a blob, put back by any run where it is missing or altered. */
export interface OutputFile {
  /** Name below `results/<pipeline>/`, or the path that the params gave. */
  readonly name: string;
  readonly blob: Digest;
}

export type Artifact =
  | DatasetArtifact
  | ImagesArtifact
  | FeaturesArtifact
  | ModelArtifact
  | PredictionsArtifact
  | MetricsArtifact
  | FilesArtifact;

export type ArtifactOf<T extends ArtifactType> = Extract<Artifact, { type: T }>;

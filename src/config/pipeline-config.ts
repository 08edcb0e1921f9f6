/** A pipeline as the rest of the program sees it: checked, everything substituted, each value with its place in the file. */
import type { Location } from '../base/diagnostic.ts';
import type { Json } from '../base/json.ts';

/** Where the file says none. */
export const DEFAULT_SEED = 42;

export interface PipelineConfig {
  /** Absolute path of the file. */
  readonly path: string;
  readonly name: string;
  readonly description: string;
  readonly seed: number;
  /** In the file's order, matrix children in place of their stage. */
  readonly stages: readonly StageConfig[];
  /** The `sweep:` block, checked by its schema. */
  readonly sweep?: SweepConfig;
  /** What `--set` changed: dotted path to value. */
  readonly overrides: Readonly<Record<string, Json>>;
  /** Absolute paths of all files read: this one first, then those that it extends. */
  readonly files: readonly string[];
}

/** Where a port reads: a stage and one of the artifacts that it gives. */
export interface StageInput {
  readonly stage: string;
  readonly artifact: string;
}

/**
 * One stage, or one child of a stage with a matrix. Pointers name values below `with`, keys joined by `/`, such as
 * `train/csv` or `layers/0/dense`; inside a key `/` is `~1` and `~` is `~0`. The empty pointer is the stage itself.
 */
export interface StageConfig {
  readonly name: string;
  /** Name of a built-in kind, or the path of a module from the project's root (`./stages/my-stage.js`). */
  readonly kind: string;
  /** Port to the stage and artifact behind it. */
  readonly from: Readonly<Record<string, StageInput>>;
  /** Settings as written, accepted by the kind's schema. */
  readonly with: Json;
  /**
   * Scalars of `with` that hold something from the environment, by the variable's name; where one name is in several
   * different scalars, the later ones carry their pointer too: `TOKEN (headers/token)`.
   */
  readonly environment: ReadonlyMap<string, Json>;
  /** The same by pointer: the variables that a scalar holds. */
  readonly environmentPointers: ReadonlyMap<string, readonly string[]>;
  /** The value of an axis called `seed`; the pipeline's seed where there is none. */
  readonly seed?: number;
  /** Of a child of a matrix: the stage as written, and each axis' value. */
  readonly matrix?: { readonly stage: string; readonly values: Readonly<Record<string, Json>> };
  /** Place of a value below `with`, or of the innermost thing around it that is written; the stage's name for the empty pointer. */
  location(pointer?: string): Location;
  /** Folder that a relative path at a pointer starts from: that of the file which wrote it. */
  baseDirectory(pointer?: string): string;
}

export interface SweepConfig {
  readonly value: Json;
  /** As in a stage, below `sweep`. */
  location(pointer?: string): Location;
}

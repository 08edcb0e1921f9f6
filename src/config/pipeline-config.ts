/** What a pipeline file says, after `extends`, `--set`, substitution and `matrix`, checked. What the plan is made from. */
import type { Location } from '../base/diagnostic.ts';
import type { Json } from '../base/json.ts';

/** Where a port reads: a stage and one of the artifacts that it gives. */
export interface StageInput {
  readonly stage: string;
  readonly artifact: string;
}

/**
 * One stage, also each child of a `matrix`. Pointers name values below `with`, joined by `/` without a leading one
 * (`train/csv`, `layers/0/dense`); a `/` or `~` inside a key is written `~1`, `~0`. The empty pointer is `with` itself.
 */
export interface StageConfig {
  readonly name: string;
  /** Name of a built-in kind, or the path of a module as the file gives it. */
  readonly kind: string;
  readonly from: Readonly<Record<string, StageInput>>;
  /** Params that the schema has accepted, shorthands as written, defaults not filled in. */
  readonly with: Json;
  /** Values that hold something from the environment, by label: the variable's name, with the pointer where it has several. */
  readonly environment: ReadonlyMap<string, Json>;
  /** The same by pointer: which variable a value holds. */
  readonly envPointers: ReadonlyMap<string, string>;
  /** For a child of a `matrix`: the stage as written, and the value of each axis. */
  readonly matrix?: { readonly stage: string; readonly values: Readonly<Record<string, Json>> };
  /** Where a value stands; for one that is not written, the nearest thing around it. */
  location(pointer?: string): Location;
  /** Folder of the file that wrote a value: relative paths start there. */
  baseDirectory(pointer?: string): string;
}

/** The `sweep:` block, checked by the schema. Pointers as in a stage, below `sweep`. */
export interface SweepConfig {
  readonly value: Json;
  location(pointer?: string): Location;
}

/** One `--set`, as given. */
export interface Override {
  readonly path: string;
  readonly value: Json;
}

export interface PipelineConfig {
  /** Absolute path of the file. */
  readonly path: string;
  readonly name: string;
  readonly description: string;
  readonly seed: number;
  /** In the order of the file; children of a matrix in place of their stage. */
  readonly stages: readonly StageConfig[];
  readonly sweep?: SweepConfig;
  readonly overrides: readonly Override[];
  /** Absolute paths of all files read: this one and what it extends. */
  readonly files: readonly string[];
}

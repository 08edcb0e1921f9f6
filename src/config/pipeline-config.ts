/** A pipeline as the rest of the program sees it: checked, everything substituted, each value with its place in the file. */
import type { Location } from '../base/diagnostic.ts';
import type { Json } from '../base/json.ts';

export interface PipelineConfig {
  /** Absolute path of the file. */
  readonly path: string;
  readonly name: string;
  readonly description: string;
  readonly seed: number;
  /** In the file's order, matrix children in place of their parent. */
  readonly stages: readonly StageConfig[];
  /** The `sweep:` block as written, checked by its schema; null without one. */
  readonly sweep: Json;
  /** What `--set` changed: dotted path to value. */
  readonly overrides: Readonly<Record<string, Json>>;
}

export interface StageConfig {
  readonly name: string;
  readonly kind: string;
  /** Port to the stage and artifact behind it. */
  readonly from: Readonly<Record<string, { readonly stage: string; readonly artifact: string }>>;
  /** Settings as written, accepted by the kind's schema. */
  readonly with: Json;
  /** Values of `with` that came from the environment, by variable name. */
  readonly environment: ReadonlyMap<string, Json>;
  /** Place of a value below `with`, by pointer such as `train/csv`; the stage itself for an empty or unknown one. */
  location(pointer: string): Location | undefined;
  /** Folder of the file that wrote a value. */
  baseDirectory(pointer?: string): string;
}

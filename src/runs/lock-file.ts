/**
 * The lock file of a pipeline, `NAME.lock.yaml` beside it: what the pipeline was made of and what came out, for git. Nothing in
 * it depends on the clock, the host, or where the project lies.
 */
import { basename, dirname, extname, join } from 'node:path';
import type { Json, JsonObject } from '../base/json.ts';
import type { Plan } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import { lockedStage } from './locked-stage.ts';

/** Raised when an older version would misread a lock file. */
export const LOCK_FORMAT = 1;

/** What the name of every lock file ends with. */
export const LOCK_ENDING = '.lock.yaml';

/**
 * How far a metric may lie from the locked one: absolute where that is at most 1 in size (accuracies, most losses), relative to it
 * beyond.
 */
export const DEFAULT_TOLERANCE = 1e-3;

export interface LockFile {
  /** The pipeline's name. */
  readonly pipeline: string;
  /** What `--set` changed: dotted path to value. */
  readonly overrides: JsonObject;
  readonly stages: ReadonlyMap<string, LockedStage>;
}

export interface LockedStage {
  readonly kind: string;
  readonly version: number;
  /**
   * Hash of all that decides the artifacts of this stage by itself. What it reads is in it by name: a change further up alters
   * only the block of the stage that changed, so that branches merge.
   */
  readonly fingerprint: string;
  /** Of kinds that draw. */
  readonly seed: number | null;
  /** Port to `stage.artifact`. */
  readonly from: Readonly<Record<string, string>>;
  /** Settings with every default written out; values from the environment as `env:NAME`. */
  readonly with: Json;
  /** Digests of files from outside, by what they are. */
  readonly data: Readonly<Record<string, string>>;
  readonly weights: string | null;
  /** Rows by split, or in all. */
  readonly counts: Readonly<Record<string, number>>;
  /** What computed it, such as `ort 1.30.0 cpu`. Never compared. */
  readonly engine: string | null;
  /** At six significant digits. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** `pipelines/mnist.yaml` → `pipelines/mnist.lock.yaml` */
export function lockPath(pipeline: string): string {
  return join(dirname(pipeline), `${basename(pipeline, extname(pipeline))}${LOCK_ENDING}`);
}

/** The lock file of a plan's stages, as far as the cache knows what came out. */
export function lockOf(plan: Plan, workspace: Workspace): LockFile {
  const stages = plan.stages.map((stage) => {
    const entry = stage.status === 'cached' ? stage.entry : workspace.cache.entries.read(stage.fingerprint);
    return [stage.name, lockedStage(stage, entry, dirname(plan.config.path))] as const;
  });
  return { pipeline: plan.config.name, overrides: plan.config.overrides, stages: new Map(stages) };
}

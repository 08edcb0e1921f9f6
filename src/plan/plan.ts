/** A plan: the stages of a pipeline in an order that respects what they read, each with its fingerprint and fate. */
import type { Fingerprint } from '../base/digest.ts';
import type { CacheEntry } from '../cache/entry-store.ts';
import type { PipelineConfig, StageConfig } from '../config/pipeline-config.ts';
import type { Artifact } from '../stages/artifacts.ts';
import type { Resolved, RowCounts, StageKind } from '../stages/stage-kind.ts';
import type { FingerprintRecord } from './fingerprint.ts';
import type { Reason } from './reason.ts';

export interface PlannedInput {
  readonly stage: string;
  readonly artifact: string;
}

export interface PlannedStage {
  readonly name: string;
  readonly kind: StageKind;
  readonly config: StageConfig;
  /** Completed by the kind, every default written out. */
  readonly params: unknown;
  readonly seed: number;
  readonly inputs: Readonly<Record<string, PlannedInput>>;
  readonly resolved: Resolved;
  readonly record: FingerprintRecord;
  readonly fingerprint: Fingerprint;
  readonly status: 'cached' | 'run' | 'not-needed';
  readonly reason: Reason;
  readonly entry: CacheEntry | undefined;
  /** Rows that a run would find and compute, where the kind has a row space and it could be told. */
  readonly rows?: RowCounts;
}

export interface Plan {
  readonly config: PipelineConfig;
  readonly stages: readonly PlannedStage[];
}

export function stageOf(plan: Plan, name: string): PlannedStage {
  const stage = plan.stages.find((candidate) => candidate.name === name);
  if (!stage) throw new Error(`no stage ${name} in the plan`);
  return stage;
}

/** The artifact of a cached stage. The entry store has checked the entry's own digest, so its JSON is what we wrote. */
export function artifactOf(entry: CacheEntry, name: string): Artifact | undefined {
  const artifacts: Readonly<Record<string, Artifact>> = JSON.parse(JSON.stringify(entry.artifacts));
  return artifacts[name];
}

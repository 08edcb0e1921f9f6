/**
 * What a stage kind is. The definition (`index.ts` of its folder) is light: it is loaded for every plan, also of a run that
 * finds everything cached. The body (`run.ts`) is loaded only when the stage really runs.
 */
import type { Diagnostic, Location } from '../base/diagnostic.ts';
import type { Digest, Fingerprint } from '../base/digest.ts';
import type { Json } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import type { BlobStore } from '../cache/blob-store.ts';
import type { ClaimStore } from '../cache/claims.ts';
import type { RowStore } from '../cache/row-store.ts';
import type { ImageSource } from '../data/image-source.ts';
import type { RowTable } from '../data/row-table.ts';
import type { Engine, Producer } from '../engines/engine.ts';
import type { FileDigests } from '../files/file-digests.ts';
import type { Memo } from '../files/memo.ts';
import type { ResolvedBackbone } from '../weights/resolve-backbone.ts';
import type { Artifact, ArtifactOf, ArtifactType } from './artifacts.ts';

export interface Port {
  readonly accepts: readonly ArtifactType[];
  readonly optional?: boolean;
}

/** A stage kind. `Params` are its settings with every default written out. */
export interface StageKind<Params = unknown> {
  readonly kind: string;
  /** Raised when the same inputs and params would give other artifacts. */
  readonly version: number;
  readonly summary: string;
  /** Port names; `from: x` means the port called `data`, or the only one. */
  readonly ports: Readonly<Record<string, Port>>;
  /** Artifacts by name; the first is the main one, meant where a stage is named without `.artifact`. */
  readonly gives: Readonly<Record<string, ArtifactType>>;
  /** Whether the body keeps rows in a row space, and counts them for `plan`. */
  readonly keepsRows?: boolean;
  /** Whether the pipeline's seed takes part. */
  readonly draws: boolean;
  /** Params that name outputs, left out of the fingerprint. */
  readonly outputParams?: readonly string[];
  /** Writes out shorthands and defaults of params that the schema has accepted. Pure. */
  complete(given: Json): Params;
  /**
   * Looks at the files from outside that the params name. Runs at every plan, so it must answer from the memo when nothing
   * changed. Kinds without it read nothing from outside.
   */
  resolve?(params: Params, context: ResolveContext): Promise<Result<Resolved, readonly Diagnostic[]>>;
  /** Dataset kinds only: the row table, from params and the input's table. Pure, cheap, used by `plan` and `run`. */
  deriveRows?(params: Params, input: RowTable, seed: number): Result<RowTable, readonly Diagnostic[]>;
  /** Why this kind cannot work on what a stage of such settings gives, told before anything runs. Pure. */
  refuses?(read: ReadStage): Diagnostic | undefined;
  /**
   * Stages of this kind with equal keys and equal inputs are run at the same time, since they read the same batches.
   * `bytes` is what one more of them takes of memory. Undefined where there is nothing to share.
   */
  together?(params: Params, inputs: Readonly<Record<string, Artifact>>): Together | undefined;
  /** The main artifact that a run would give, where it follows from the params alone; `rows` is filled in by the caller. */
  preview?(params: Params, rows: Digest): Artifact | undefined;
  /** Names of the metrics that a run gives, where they follow from the params; a sweep's goal is one of them. Pure. */
  metricNames?(params: Params): readonly string[];
  /** Where a file that a run makes goes: its path as the params give it. A bare name lies in `results/<pipeline>/`. */
  outputPath?(params: Params, name: string): string;
  /** The folder of the files that a run makes, where they belong together. A bare name lies in `results/<pipeline>/`. */
  outputFolder?(params: Params): string;
  loadBody(): Promise<StageBody<Params>>;
}

/** A stage that another one reads. */
export interface ReadStage {
  readonly name: string;
  readonly kind: string;
  /** With every default written out. */
  readonly params: Json;
  /** The place of a param in the pipeline file. */
  at(pointer: string): Location | undefined;
}

export interface Together {
  readonly key: string;
  readonly bytes: number;
  /** Whether a step keeps no more than one core busy, so that members do well on an engine a core. */
  readonly light: boolean;
}

export interface StageBody<Params = unknown> {
  run(params: Params, context: RunContext): Promise<Result<StageOutcome, StageFailure>>;
  /** Kinds with a row space: how many rows a run would find there. Needs no engine. */
  countRows?(params: Params, context: CountContext): Promise<RowCounts | undefined>;
}

/** What a resolve gives: what enters the fingerprint in place of paths, and handles for the run. */
export interface Resolved {
  /** Everything about the params and files that decides the artifacts: digests instead of paths. */
  readonly identity: Json;
  /** Ingest kinds: the row table, loaded only when somebody needs it. */
  readonly rows?: () => Promise<Result<RowTable, readonly Diagnostic[]>>;
  /** Ingest kinds: where pixels come from. */
  readonly images?: ImageSource;
  /** Warnings to show once a run. */
  readonly warnings?: readonly Diagnostic[];
  /** Bytes still to be fetched, for `plan`. */
  readonly download?: { readonly url: string; readonly bytes: number };
  /** Kinds with a frozen network: how to plan and load it. */
  readonly backbone?: ResolvedBackbone;
}

export interface ResolveContext {
  /** Folder of the file that wrote a param: relative paths start there. `pointer` as in `at`. */
  baseDirectory(pointer?: string): string;
  /** The place of a param in the pipeline file, by pointer below `with`, such as `train/csv`. */
  at(pointer: string): Location | undefined;
  readonly digests: FileDigests;
  readonly memo: Memo;
  /** `$PIPE_HOME`: weights and installed engines. */
  readonly home: string;
  readonly offline: boolean;
  /** Folders outside of the project's root may be read, written ones may not. */
  readonly root: string;
}

export interface CountContext {
  input<T extends ArtifactType>(port: string, type: T): ArtifactOf<T> | undefined;
  /** Row table of a dataset-like input, without running anything. */
  rows(port: string): Promise<RowTable | undefined>;
  readonly resolved: Resolved;
  readonly rowStore: RowStore;
  readonly home: string;
  /** Whether a row that its space does not hold is new: not one that a stage counted before would make. */
  isNew(space: string, key: Uint8Array): boolean;
}

/** Where a stage comes from. Its artifacts may tell, but nothing that is computed may hang on it. */
export interface Origin {
  /** Name of the pipeline. */
  readonly pipeline: string;
  /** The stages that it goes back to, in order, itself last. */
  readonly stages: readonly {
    readonly name: string;
    readonly kind: string;
    readonly fingerprint: Fingerprint;
    /** What decided its artifacts: settings, or digests of what they name. Values from the environment are hidden. */
    readonly with: Json;
    /** Names of the stages that it reads. */
    readonly reads: readonly string[];
  }[];
}

export interface RunContext {
  readonly stage: string;
  readonly origin: Origin;
  readonly seed: number;
  /** The artifact at a port. The scheduler has checked types and presence; asking for another type is a bug and throws. */
  input<T extends ArtifactType>(port: string, type: T): ArtifactOf<T>;
  /** The artifact at a port where several types fit. */
  anyInput(port: string): Artifact;
  has(port: string): boolean;
  /** Row table behind a dataset, images, features or predictions artifact. A damaged one makes the stage behind it run again. */
  rowTable(rows: Digest): Promise<RowTable>;
  /** Where the pixels of the dataset at a port come from. */
  images(port: string): ImageSource;
  readonly resolved: Resolved;
  readonly blobs: BlobStore;
  readonly rowStore: RowStore;
  readonly claims: ClaimStore;
  /** Opens (once a run) the engine that the run is set to. */
  engine(): Promise<Result<Engine, Diagnostic>>;
  /** The producer tag that row keys carry under `--strict-engine`, else undefined. */
  readonly strictProducer: Producer | undefined;
  /** A folder for this stage's own checkpoints, kept until its entry is committed. */
  readonly checkpoints: string;
  /** A folder for the last state of trainings that differ in the number of epochs alone: the longer goes on where the shorter ended. */
  readonly lineage?: string;
  progress(done: number, total: number, note?: string): void;
  warn(diagnostic: Diagnostic): void;
  /** `--force`: compute rows again even where they are present. */
  readonly force: boolean;
  readonly signal: AbortSignal;
  readonly at: ResolveContext['at'];
  readonly baseDirectory: ResolveContext['baseDirectory'];
  readonly home: string;
  readonly root: string;
  readonly offline: boolean;
  readonly jobs: number;
}

export interface RowCounts {
  readonly total: number;
  readonly cached: number;
  /** What `plan` says about them besides. */
  readonly notes?: readonly string[];
  /** What computing a new row takes of a frozen network, where it could be had in another precision. */
  readonly forward?: PlannedForward | undefined;
}

export interface PlannedForward {
  /** Operations of a row. */
  readonly flops: number;
  /** Of a built-in network: what its measurements are found by. */
  readonly network?: string | undefined;
}

export interface StageOutcome {
  /** By the names in `gives`. */
  readonly artifacts: Readonly<Record<string, Artifact>>;
  readonly rows?: { readonly total: number; readonly computed: number; readonly cached: number };
  readonly producer?: Producer;
}

export type StageFailure =
  | {
      readonly reason: 'diagnostics';
      readonly diagnostics: readonly Diagnostic[] /** Artifacts to keep all the same, such as the metrics of a failed assert. */;
      readonly outcome?: StageOutcome;
    }
  /** What a port reads turned out damaged or incomplete: the scheduler runs the stage behind it again, then this one. */
  | { readonly reason: 'damaged-input'; readonly port: string; readonly detail: string }
  | { readonly reason: 'interrupted' };

/** Identity function that fixes the types of a definition. */
export function defineStage<Params>(kind: StageKind<Params>): StageKind<Params> {
  return kind;
}

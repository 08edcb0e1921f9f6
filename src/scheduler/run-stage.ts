/** The life of one stage that is not cached: claim → inputs → body → commit. Read it top to bottom. */
import { join } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { type Digest, taggedDigest } from '../base/digest.ts';
import { isJsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { CacheEntry } from '../cache/entry-store.ts';
import type { Engine, Producer } from '../engines/engine.ts';
import { EngineFault } from '../engines/engine-fault.ts';
import { artifactOf, type Plan, type PlannedStage, stageOf } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import type { Artifact, ArtifactOf, ArtifactType } from '../stages/artifacts.ts';
import type { RunContext, StageFailure, StageOutcome } from '../stages/stage-kind.ts';
import { imageSource } from './dataset-rows.ts';
import type { EngineGroup, EnginePool } from './engine-pool.ts';
import type { Emit } from './events.ts';
import { rowTableOf } from './row-tables.ts';
import { originOf } from './stage-origin.ts';
import { progressOf } from './stage-progress.ts';

export interface StageRun {
  readonly plan: Plan;
  readonly stage: PlannedStage;
  readonly workspace: Workspace;
  readonly engines: EnginePool;
  /** The group that it runs with, on one engine. */
  readonly group: EngineGroup | undefined;
  /** Whether trainings that differ in their epochs alone go on from each other. */
  readonly lineages?: boolean;
  readonly entries: ReadonlyMap<string, CacheEntry>;
  readonly strictProducer: Producer | undefined;
  readonly offline: boolean;
  readonly force: boolean;
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** The entry of a stage, and whether this process made it. */
export interface StageCommit {
  readonly entry: CacheEntry;
  readonly ran: boolean;
}

/** A body asked for a blob that is missing or damaged; carries the port whose stage must run again. */
class DamagedBlob extends Error {
  readonly digest: Digest;
  constructor(digest: Digest) {
    super(`blob ${digest} is missing from the cache or damaged`);
    this.digest = digest;
  }
}

export async function runStage(run: StageRun): Promise<Result<StageCommit, StageFailure>> {
  const { stage, workspace, emit, signal } = run;
  const { entries, claims } = workspace.cache;
  const finished = () => (run.force ? undefined : entries.read(stage.fingerprint));
  const claim = await claims.take(`stage-${stage.fingerprint}`, {
    done: () => finished() !== undefined,
    onWait: (owner) => emit({ event: 'stage-waiting', stage: stage.name, owner }),
    signal,
  });
  try {
    if (signal.aborted) return err({ reason: 'interrupted' });
    const others = finished();
    if (others) return ok({ entry: others, ran: false });
    return await runBody(run);
  } finally {
    claim?.release();
  }
}

async function runBody(run: StageRun): Promise<Result<StageCommit, StageFailure>> {
  const { stage, workspace, engines } = run;
  const taken: Engine[] = [];
  const started = performance.now();
  try {
    const body = await stage.kind.loadBody();
    const outcome = await body.run(stage.params, contextOf(run, taken));
    if (!outcome.ok) return outcome;
    // A stage that only hands on a blob of its input does not notice that it is gone: its entry would promise what is not there.
    const lost = Object.values(outcome.value.artifacts)
      .flatMap(blobsOf)
      .find((blob) => !workspace.cache.blobs.has(blob));
    if (lost) return err(damagedInput(run, new DamagedBlob(lost)));
    return ok({ entry: await commit(run, outcome.value, performance.now() - started), ran: true });
  } catch (error) {
    if (error instanceof DamagedBlob) return err(damagedInput(run, error));
    if (error instanceof EngineFault) return err({ reason: 'diagnostics', diagnostics: [faultIn(run, error)] });
    const written = writeProblem(error);
    if (written) return err({ reason: 'diagnostics', diagnostics: [written] });
    if (workspace && run.signal.aborted && isAbort(error)) return err({ reason: 'interrupted' });
    throw error;
  } finally {
    for (const engine of taken) {
      if (run.group === undefined) engines.giveBack(engine);
      else await engines.giveBackShared(run.group, engine);
    }
  }
}

function contextOf(run: StageRun, taken: Engine[]): RunContext {
  const { plan, stage, workspace, engines, emit } = run;
  const config = stage.config;
  const anyInput = (port: string): Artifact => {
    const input = stage.inputs[port];
    const entry = input && run.entries.get(input.stage);
    const artifact = entry && input && artifactOf(entry, input.artifact);
    if (!artifact) throw new Error(`stage ${stage.name} has nothing at port ${port}`);
    return artifact;
  };
  return {
    stage: stage.name,
    origin: originOf(plan, stage),
    seed: stage.seed,
    input<T extends ArtifactType>(port: string, type: T): ArtifactOf<T> {
      const artifact = anyInput(port);
      if (!isOfType(artifact, type))
        throw new Error(`port ${port} of ${stage.name} holds ${artifact.type}, not ${type}`);
      return artifact;
    },
    anyInput,
    has: (port) => stage.inputs[port] !== undefined,
    async rowTable(rows) {
      const table = await rowTableOf(workspace.cache.blobs, rows);
      if (!table) throw new DamagedBlob(rows);
      return table;
    },
    images(port) {
      const input = stage.inputs[port];
      const source = input && imageSource(plan, stageOf(plan, input.stage));
      if (!source) throw new Error(`no ingest stage behind port ${port} of ${stage.name}`);
      return source;
    },
    resolved: stage.resolved,
    blobs: {
      ...bind(workspace.cache.blobs),
      async get(digest) {
        const bytes = await workspace.cache.blobs.get(digest);
        if (!bytes) throw new DamagedBlob(digest);
        return bytes;
      },
    },
    rowStore: workspace.cache.rowStore,
    claims: workspace.cache.claims,
    async engine() {
      const engine = await (run.group === undefined ? engines.take() : engines.takeShared(run.group));
      if (engine.ok) taken.push(engine.value);
      return engine;
    },
    strictProducer: run.strictProducer,
    checkpoints: join(workspace.project.cache, 'checkpoints', stage.fingerprint),
    ...(run.lineages && { lineage: join(lineagesFolder(workspace), lineageOf(stage)) }),
    progress: progressOf(stage.name, emit),
    warn: (diagnostic) => emit({ event: 'diagnostic', diagnostic, stage: stage.name }),
    force: run.force,
    signal: run.signal,
    at: (pointer) => config.location(pointer),
    baseDirectory: (pointer) => config.baseDirectory(pointer),
    home: workspace.project.home,
    root: workspace.project.root,
    offline: run.offline,
    jobs: run.jobs,
  };
}

/** Where trainings of a sweep leave their last states. */
export function lineagesFolder({ project }: Workspace): string {
  return join(project.cache, 'checkpoints', 'lineages');
}

/** What decides a stage's artifacts, less the number of epochs. */
function lineageOf({ record }: PlannedStage): string {
  const settings = isJsonObject(record.with) ? record.with : {};
  const { epochs: _, ...rest } = settings;
  return taggedDigest('lineage', { ...record, with: rest });
}

async function commit(run: StageRun, outcome: StageOutcome, durationMs: number): Promise<CacheEntry> {
  const { stage, workspace } = run;
  const entry: CacheEntry = {
    format: 1,
    fingerprint: stage.fingerprint,
    kind: stage.kind.kind,
    version: stage.kind.version,
    input: stage.record,
    artifacts: outcome.artifacts,
    blobs: Object.values(outcome.artifacts).flatMap(blobsOf),
    ...(outcome.rows && { rows: outcome.rows }),
    ...(outcome.producer && { producer: outcome.producer }),
    ...spaceOf(outcome),
    durationMs: Math.round(durationMs),
    createdAt: new Date().toISOString(),
  };
  await workspace.cache.entries.commit(entry);
  const { rm } = await import('node:fs/promises');
  await rm(join(workspace.project.cache, 'checkpoints', stage.fingerprint), { recursive: true, force: true });
  return entry;
}

/** Blobs that an artifact cannot do without. */
export function blobsOf(artifact: Artifact): readonly Digest[] {
  switch (artifact.type) {
    case 'dataset':
    case 'images':
    case 'features':
      return [artifact.rows];
    case 'model':
      return [artifact.weights];
    case 'predictions':
      return [artifact.rows, artifact.probabilities, ...artifact.outputs.map(({ blob }) => blob)];
    case 'files':
      return artifact.outputs.map(({ blob }) => blob);
    case 'metrics':
      return [];
  }
}

function spaceOf(outcome: StageOutcome): { readonly rowSpace?: Digest } {
  const features = Object.values(outcome.artifacts).find((artifact) => artifact.type === 'features');
  return features ? { rowSpace: features.space } : {};
}

function damagedInput(run: StageRun, error: DamagedBlob): StageFailure {
  for (const [port, input] of Object.entries(run.stage.inputs)) {
    const entry = run.entries.get(input.stage);
    if (entry?.blobs.includes(error.digest)) return { reason: 'damaged-input', port, detail: error.message };
  }
  throw error;
}

/** An engine's fault at the stage's place in the pipeline file. The stages beside it have engines of their own, or get a fresh one. */
function faultIn({ stage }: StageRun, { diagnostic }: EngineFault): Diagnostic {
  const location = stage.config.location('');
  return { ...diagnostic, message: `stage ${stage.name}: ${diagnostic.message}`, ...(location && { location }) };
}

/** A disk that refuses becomes a diagnostic with its exit code; every other error is a bug. */
function writeProblem(error: unknown): Diagnostic | undefined {
  if (!(error instanceof Error) || error.name !== 'CacheWriteError') return undefined;
  return problem('K001', error.message, {
    help: 'free some space or make the folder writable and run again; what was finished is kept',
  });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function isOfType<T extends ArtifactType>(artifact: Artifact, type: T): artifact is ArtifactOf<T> {
  return artifact.type === type;
}

function bind(blobs: Workspace['cache']['blobs']): Omit<RunContext['blobs'], 'get'> {
  return {
    put: (bytes) => blobs.put(bytes),
    putFile: (source) => blobs.putFile(source),
    path: (digest) => blobs.path(digest),
    has: (digest) => blobs.has(digest),
  };
}

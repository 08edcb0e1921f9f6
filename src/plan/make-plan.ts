/**
 * From a pipeline to a plan. Runs nothing: fingerprints need no stage's output. Files from outside are looked at (each
 * kind's `resolve`), which costs a `stat` a file when nothing changed.
 */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { PipelineConfig, StageConfig } from '../config/pipeline-config.ts';
import type { ReadStage, Resolved, StageKind } from '../stages/stage-kind.ts';
import { type FingerprintRecord, fingerprintOfRecord, fingerprintRecord } from './fingerprint.ts';
import { orderStages } from './order.ts';
import type { Plan, PlannedInput, PlannedStage } from './plan.ts';
import { type Reason, reasonForRun } from './reason.ts';
import type { Workspace } from './workspace.ts';

export interface PlanOptions {
  /** Kinds by name, the pipeline's own included. */
  readonly kinds: ReadonlyMap<string, StageKind>;
  /** Only these stages and what they read; all when empty. */
  readonly targets: readonly string[];
  /** Stages to run even though they are cached: all, or the named ones. */
  readonly force: 'none' | 'all' | readonly string[];
  readonly offline: boolean;
  /** The record of a stage at the last run of this pipeline; asked only for stages that are not cached. */
  readonly previous: (stage: string) => FingerprintRecord | undefined;
  /** Drafts of stages that another plan of the same file has made already. */
  readonly drafts?: DraftMemo;
}

/** Drafts by all that decides them within one file. */
export interface DraftMemo {
  readonly drafts: Map<string, Draft>;
  /** The part of a key that a stage's own configuration makes: a number for each that differs. */
  readonly own: WeakMap<StageConfig, number>;
  readonly numbers: Map<string, number>;
  /** Drafts of which it was decided before whether anybody needs them: most stages of a sweep's trials, once instead of once a trial. */
  readonly decided: WeakMap<Draft, PlannedStage>;
}

export function noDrafts(): DraftMemo {
  return { drafts: new Map(), own: new WeakMap(), numbers: new Map(), decided: new WeakMap() };
}

/** A stage before it is known whether anybody needs it. */
interface Draft extends Omit<PlannedStage, 'status' | 'reason' | 'rows'> {
  /** The files that the params name to be written. */
  readonly writes: readonly { readonly key: string; readonly file: string }[];
}

export async function makePlan(
  config: PipelineConfig,
  workspace: Workspace,
  options: PlanOptions,
): Promise<Result<Plan, readonly Diagnostic[]>> {
  const wanted = withInputs(config, options.targets);
  const drafts = new Map<string, Draft>();
  const problems: Diagnostic[] = [];
  for (const stage of orderStages(config.stages.filter(({ name }) => wanted.has(name)))) {
    const inputs: Readonly<Record<string, PlannedInput>> = stage.from;
    if (Object.values(inputs).some((input) => !drafts.has(input.stage))) continue;
    const key = options.drafts && draftKey(stage, stage.seed ?? config.seed, drafts, options.drafts);
    const known = key === undefined ? undefined : options.drafts?.drafts.get(key);
    const draft = known ? ok(known) : await draftStage(stage, inputs, drafts, { config, workspace, options });
    if (key !== undefined && draft.ok) options.drafts?.drafts.set(key, draft.value);
    if (draft.ok) drafts.set(stage.name, draft.value);
    else problems.push(...draft.error);
  }
  problems.push(...outputConflicts([...drafts.values()]));
  if (problems.length > 0) return err(problems);
  return ok({ config, stages: decide([...drafts.values()], options) });
}

function draftKey(stage: StageConfig, seed: number, drafts: ReadonlyMap<string, Draft>, memo: DraftMemo): string {
  let key = String(memo.own.get(stage) ?? numbered(stage, memo));
  for (const [port, from] of Object.entries(stage.from))
    key += ` ${port} ${from.artifact} ${drafted(drafts, from.stage).fingerprint}`;
  return `${key} ${seed}`;
}

function numbered(stage: StageConfig, { own, numbers }: DraftMemo): number {
  const text = JSON.stringify([stage.name, stage.kind, stage.with]);
  const number = numbers.get(text) ?? numbers.size;
  numbers.set(text, number);
  own.set(stage, number);
  return number;
}

interface Surroundings {
  readonly config: PipelineConfig;
  readonly workspace: Workspace;
  readonly options: PlanOptions;
}

async function draftStage(
  stage: StageConfig,
  inputs: Readonly<Record<string, PlannedInput>>,
  drafts: ReadonlyMap<string, Draft>,
  { config, workspace, options }: Surroundings,
): Promise<Result<Draft, readonly Diagnostic[]>> {
  const kind = kindOf(stage, options.kinds);
  const params = kind.complete(stage.with);
  const refused = Object.values(inputs).flatMap(
    ({ stage: from }) => kind.refuses?.(readStage(drafted(drafts, from))) ?? [],
  );
  if (refused.length > 0) return err(refused);
  const resolved = await resolveStage(stage, kind, params, workspace, options.offline);
  if (!resolved.ok) return resolved;
  const record = fingerprintRecord({
    kind,
    identity: resolved.value.identity,
    seed: stage.seed ?? config.seed,
    inputs: mapValues(inputs, ({ stage: from, artifact }) => ({
      fingerprint: drafted(drafts, from).fingerprint,
      artifact,
    })),
    environment: stage.environment,
    secret: stage.environment.size > 0 ? workspace.secret() : '',
  });
  const fingerprint = fingerprintOfRecord(record);
  const entry = workspace.cache.entries.read(fingerprint);
  return ok({
    name: stage.name,
    kind,
    config: stage,
    params,
    seed: stage.seed ?? config.seed,
    inputs,
    resolved: resolved.value,
    record,
    fingerprint,
    entry,
    writes: writesOf(kind, params),
  });
}

function readStage({ name, kind, params, config }: Draft): ReadStage {
  return { name, kind: kind.kind, params: jsonOf(params), at: (pointer) => config.location(pointer) };
}

async function resolveStage(
  stage: StageConfig,
  kind: StageKind,
  params: unknown,
  workspace: Workspace,
  offline: boolean,
): Promise<Result<Resolved, readonly Diagnostic[]>> {
  if (!kind.resolve) return ok({ identity: jsonOf(params) });
  return kind.resolve(params, {
    baseDirectory: (pointer) => stage.baseDirectory(pointer),
    at: (pointer) => stage.location(pointer),
    digests: workspace.digests,
    memo: workspace.memo,
    home: workspace.project.home,
    root: workspace.project.root,
    offline,
  });
}

/**
 * A stage that is not cached runs if it is a leaf, a target or forced, or if a stage that runs reads it: an intermediate
 * that was collected from the cache is not made again for nobody.
 */
function decide(drafts: readonly Draft[], options: PlanOptions): readonly PlannedStage[] {
  const read = new Set(drafts.flatMap((draft) => Object.values(draft.inputs).map((input) => input.stage)));
  const runs = new Set<string>();
  const forced = (name: string) =>
    options.force === 'all' || (options.force !== 'none' && options.force.includes(name));
  for (const draft of [...drafts].reverse()) {
    const asked = !read.has(draft.name) || options.targets.includes(draft.name);
    const needed = drafts.some(
      (other) => runs.has(other.name) && Object.values(other.inputs).some((i) => i.stage === draft.name),
    );
    if (forced(draft.name) || (!draft.entry && (asked || needed))) runs.add(draft.name);
  }
  return drafts.map((draft) => {
    const status = runs.has(draft.name) ? 'run' : draft.entry ? 'cached' : 'not-needed';
    const known = options.drafts?.decided.get(draft);
    if (known?.status === status) return known;
    const { writes: _, ...stage } = draft;
    const decided = { ...stage, status, reason: reasonOf(draft, status, forced(draft.name), options) } as const;
    options.drafts?.decided.set(draft, decided);
    return decided;
  });
}

function reasonOf(draft: Draft, status: PlannedStage['status'], forced: boolean, options: PlanOptions): Reason {
  if (status !== 'run') return { type: status };
  if (forced) return { type: 'forced' };
  return reasonForRun(draft.record, options.previous(draft.name), (port) => draft.inputs[port]?.stage ?? port);
}

/** Two stages that would write the same file. */
function outputConflicts(drafts: readonly Draft[]): readonly Diagnostic[] {
  const writers = new Map<string, Draft>();
  return drafts.flatMap((draft) => {
    return draft.writes.flatMap(({ key, file }) => {
      const other = writers.get(file);
      writers.set(file, draft);
      if (!other) return [];
      return [
        problem('P090', `stages ${other.name} and ${draft.name} both write ${file}`, {
          location: draft.config.location(key),
          help: `give one of them another \`${key}:\``,
        }),
      ];
    });
  });
}

function writesOf(kind: StageKind, params: unknown): Draft['writes'] {
  if (!kind.outputParams) return [];
  const json = jsonOf(params);
  return kind.outputParams.flatMap((key) => {
    const file = isJsonObject(json) ? json[key] : undefined;
    return typeof file === 'string' ? [{ key, file }] : [];
  });
}

/** The targets and everything that they read, directly or not; all stages where no target is named. */
function withInputs(config: PipelineConfig, targets: readonly string[]): ReadonlySet<string> {
  if (targets.length === 0) return new Set(config.stages.map(({ name }) => name));
  const wanted = new Set<string>();
  const visit = (name: string) => {
    if (wanted.has(name)) return;
    wanted.add(name);
    const stage = config.stages.find((candidate) => candidate.name === name);
    for (const source of Object.values(stage?.from ?? {})) visit(source.stage);
  };
  for (const target of targets) visit(target);
  return wanted;
}

function kindOf(stage: StageConfig, kinds: ReadonlyMap<string, StageKind>): StageKind {
  const kind = kinds.get(stage.kind);
  if (!kind) throw new Error(`stage ${stage.name} has passed validation with the unknown kind ${stage.kind}`);
  return kind;
}

function drafted(drafts: ReadonlyMap<string, Draft>, name: string): Draft {
  const draft = drafts.get(name);
  if (!draft) throw new Error(`stage ${name} is read before it is planned`);
  return draft;
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Readonly<Record<string, B>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

/** Completed params are plain data; this drops what JSON has no word for, such as absent members. */
function jsonOf(params: unknown): Json {
  const json: Json = JSON.parse(JSON.stringify(params ?? null));
  return json;
}

/** From a pipeline file to a checked configuration. Synchronous and quick: every cached run starts here. */
import { isAbsolute, resolve } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import type { Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { isInside, pipelineNameOf } from '../files/project.ts';
import type { StageKind } from '../stages/stage-kind.ts';
import { didYouMean } from './did-you-mean.ts';
import { connect, type From, type GraphStage } from './graph.ts';
import { folderOf, type Located, type LocatedMap, nodeAt, plain, scalarsOf } from './located.ts';
import { expandMatrices, type RawStage } from './matrix.ts';
import { applyOverrides, type Override, parseOverride } from './overrides.ts';
import { readWithExtends } from './overlay.ts';
import type { PipelineConfig, StageConfig } from './pipeline-config.ts';
import { schemaProblems } from './schema-problems.ts';
import { resolveVars, substitute } from './substitute.ts';
import { type Validator, validators } from './validators.generated.js';

export interface ParseOptions {
  /** Built-in kinds by name, and those that the file brings (`loadCustomKinds`). */
  readonly kinds: ReadonlyMap<string, StageKind>;
  /** Validators of kinds that the file brings. */
  readonly customValidators?: ReadonlyMap<string, Validator>;
  /** `--set` arguments. */
  readonly overrides: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Project root: outputs may not leave it. */
  readonly root: string;
}

const RESERVED = ['vars', 'env', 'seed'];

export function parsePipeline(path: string, options: ParseOptions): Result<PipelineConfig, readonly Diagnostic[]> {
  const problems: Diagnostic[] = [];
  const overrides = readOverrides(options.overrides, problems);
  const file = readWithExtends(path);
  if (!file.ok) return file;
  const tree = substituted(applyOverrides(file.value, overrides, problems), options, problems);

  const shell = validators['pipeline'];
  if (!shell) throw new Error('the validators were not generated; run npm run build');
  problems.push(...schemaProblems(shell, plain(tree), tree, { what: 'pipeline', keysElsewhere: new Map() }));
  if (problems.length > 0) return err(inFileOrder(problems, path));

  const raw = expandMatrices(rawStages(tree), problems);
  const stages = raw.flatMap((stage): readonly GraphStage[] => {
    const kind = kindOf(stage, options.kinds, problems);
    if (RESERVED.includes(stage.group)) problems.push(problem('P035', `a stage cannot be called "${stage.group}"`, { location: stage.key, help: 'choose another name' }));
    return kind ? [{ raw: stage, kind }] : [];
  });
  const keysElsewhere = settingsByKey(stages);
  for (const { raw: stage, kind } of stages) {
    const validator = options.customValidators?.get(kind.kind) ?? validators[kind.kind];
    const settings = settingsOf(stage);
    if (validator) problems.push(...schemaProblems(validator, plain(settings), settings, { what: `stage ${stage.name} (${kind.kind})`, keysElsewhere }));
  }
  const connected = stages.length === raw.length ? connect(stages, problems) : new Map<string, From>();
  problems.push(...outputsOutside(stages, options.root));
  if (problems.length > 0) return err(inFileOrder(problems, path));

  const root = plain(tree);
  const member = (name: string): Json => (root !== null && typeof root === 'object' && !Array.isArray(root) ? (Object.entries(root).find(([key]) => key === name)?.[1] ?? null) : null);
  const [name, description, seed] = [member('pipeline'), member('description'), member('seed')];
  return ok({
    path: resolve(path),
    name: typeof name === 'string' && name !== '' ? name : pipelineNameOf(path),
    description: typeof description === 'string' ? description : '',
    seed: typeof seed === 'number' ? seed : 0,
    stages: stages.map((stage) => stageConfig(stage, connected.get(stage.raw.name) ?? {})),
    sweep: member('sweep'),
    overrides: Object.fromEntries(overrides.map(({ path: key, value }) => [key, value])),
  });
}

/** Names of kinds that the file brings as modules (`kind: ./my-stage.js`), with the folder of the file that says so. */
export function customKindsOf(path: string): readonly { readonly kind: string; readonly module: string; readonly at: Located['at'] }[] {
  const file = readWithExtends(path);
  if (!file.ok) return [];
  return rawStages(file.value).flatMap((stage) => {
    const kind = stage.body.members.get('kind')?.value;
    if (kind?.kind !== 'scalar' || typeof kind.value !== 'string' || !/^\.{0,2}\//.test(kind.value)) return [];
    return [{ kind: kind.value, module: resolve(folderOf(kind), kind.value), at: kind.at }];
  });
}

function readOverrides(given: readonly string[], problems: Diagnostic[]): readonly Override[] {
  return given.flatMap((text) => {
    const override = parseOverride(text);
    if (override.ok) return [override.value];
    problems.push(override.error);
    return [];
  });
}

function substituted(tree: LocatedMap, options: ParseOptions, problems: Diagnostic[]): LocatedMap {
  const vars = tree.members.get('vars')?.value;
  const env = tree.members.get('env')?.value;
  const allowed = env?.kind === 'list' ? env.items.map((item) => (item.kind === 'scalar' ? String(item.value) : '')) : [];
  const values = { allowed, environment: options.environment };
  const known = resolveVars(vars?.kind === 'map' ? vars : undefined, values, problems);
  const members = [...tree.members].map(([key, entry]) => {
    if (key === 'vars' || key === 'env') return [key, entry] as const;
    return [key, { ...entry, value: substitute(entry.value, { ...values, known }, problems, ['matrix.']) }] as const;
  });
  return { ...tree, members: new Map(members) };
}

function rawStages(tree: LocatedMap): readonly RawStage[] {
  const stages = tree.members.get('stages')?.value;
  if (stages?.kind !== 'map') return [];
  return [...stages.members].flatMap(([name, { key, value }]) => (value.kind === 'map' ? [{ name, group: name, key, body: value, matrix: new Map() }] : []));
}

function kindOf(stage: RawStage, kinds: ReadonlyMap<string, StageKind>, problems: Diagnostic[]): StageKind | undefined {
  const node = stage.body.members.get('kind')?.value;
  const name = node?.kind === 'scalar' ? String(node.value) : '';
  const kind = kinds.get(name);
  if (!kind) {
    const known = [...kinds.keys()];
    problems.push(problem('P025', `stage ${stage.name}: unknown kind "${name}"`, { location: node?.at ?? stage.key, help: [didYouMean(name, known), `kinds: ${known.join(', ')}`].filter(Boolean).join('; ') }));
  }
  return kind;
}

function settingsOf(stage: RawStage): Located {
  const settings = stage.body.members.get('with')?.value;
  return settings && !(settings.kind === 'scalar' && settings.value === null) ? settings : { kind: 'map', members: new Map(), at: stage.key };
}

/** Which stage of the file takes a key: for a setting that was written one stage too far up or down. */
function settingsByKey(stages: readonly GraphStage[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const { raw, kind } of stages) {
    const completed: unknown = safely(() => kind.complete({}));
    for (const key of Object.keys(completed !== null && typeof completed === 'object' ? completed : {})) found.set(key, [...(found.get(key) ?? []), `${raw.name} (${kind.kind})`]);
  }
  return found;
}

/** Some kinds cannot complete nothing at all; they give no hint then. */
function safely(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function outputsOutside(stages: readonly GraphStage[], root: string): readonly Diagnostic[] {
  return stages.flatMap(({ raw, kind }) =>
    (kind.outputParams ?? []).flatMap((key) => {
      const node = nodeAt(settingsOf(raw), key);
      if (node?.kind !== 'scalar' || typeof node.value !== 'string') return [];
      const target = resolve(folderOf(node), node.value);
      if (!isAbsolute(node.value) && isInside(root, target)) return [];
      if (isInside(root, target)) return [];
      return [problem('P036', `stage ${raw.name} would write ${node.value}, outside of the project`, { location: node.at, help: 'give a name (it goes to results/) or a path inside the project' })];
    }),
  );
}

function stageConfig({ raw, kind }: GraphStage, from: From): StageConfig {
  const settings = settingsOf(raw);
  const environment = new Map<string, Json>();
  for (const scalar of scalarsOf(settings)) if (scalar.variable !== undefined) environment.set(scalar.variable, scalar.value);
  return {
    name: raw.name,
    kind: kind.kind,
    from,
    with: plain(settings),
    environment,
    location: (pointer) => (pointer === '' ? raw.key : (nodeAt(settings, pointer)?.at ?? raw.key)),
    baseDirectory: (pointer = '') => {
      const node = nodeAt(settings, pointer) ?? settings;
      return folderOf(node.at.file.startsWith('--set ') ? { ...node, at: raw.key } : node);
    },
  };
}

/** Errors in the order of the file; those of other files and of the command line come after. */
function inFileOrder(problems: readonly Diagnostic[], path: string): readonly Diagnostic[] {
  const rank = ({ location }: Diagnostic) => (location === undefined ? 2 : location.file === path ? 0 : 1);
  return [...problems].sort((a, b) => rank(a) - rank(b) || (a.location?.line ?? 0) - (b.location?.line ?? 0) || (a.location?.column ?? 0) - (b.location?.column ?? 0));
}

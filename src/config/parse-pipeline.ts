/** From a pipeline file to a checked configuration. Quick: every cached run starts here. */
import { resolve } from 'node:path';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { Memo } from '../files/memo.ts';
import { type Environment, pipelineNameOf } from '../files/project.ts';
import type { StageKind } from '../stages/stage-kind.ts';
import { checkedStage, stageConfig } from './check-stage.ts';
import { type CustomKinds, loadCustomKinds } from './custom-kinds.ts';
import { withTypedEnvironment } from './environment-values.ts';
import { circles, connect, type From } from './graph.ts';
import {
  isNull,
  jsonOf,
  keysOf,
  type Located,
  type LocatedMap,
  memberOf,
  nearestAt,
  textOf,
  withMember,
} from './located.ts';
import { type ExpandedStage, expandMatrices } from './matrix.ts';
import { applyOverrides, type Override, overridesAsJson, readOverrides } from './overrides.ts';
import { DEFAULT_SEED, type PipelineConfig, type StageConfig } from './pipeline-config.ts';
import { publishedSettings } from './published-schema.ts';
import { type PipelineFile, readPipelineFile } from './read-file.ts';
import { pathOfKey, schemaProblems } from './schema-problems.ts';
import { locate, sourceText } from './source-text.ts';
import { substitute, Variables } from './substitute.ts';
import { sweepProblems } from './sweep-problems.ts';
import { composerWith } from './tree-memo.ts';
import { type KnownKinds, kindsOf, settingsSchema, type UsedKind, validatorOf } from './used-kinds.ts';
import { writtenStages } from './written-stage.ts';

export interface ParseOptions {
  /** Built-in kinds by name. */
  readonly kinds: ReadonlyMap<string, StageKind>;
  /** Kinds that the calling program brings, with their schemas. */
  readonly customKinds?: CustomKinds;
  /** `--set` arguments. */
  readonly overrides: readonly string[];
  readonly environment: Environment;
  /** The project: outputs may not leave it. */
  readonly root: string;
  /** Remembers files that were read before. */
  readonly memo?: Memo;
}

export interface ParsedPipeline {
  readonly config: PipelineConfig;
  /** The built-in kinds and those that the file brings, by `StageConfig.kind`. */
  readonly kinds: ReadonlyMap<string, StageKind>;
}

export async function parsePipeline(
  path: string,
  options: ParseOptions,
): Promise<Result<ParsedPipeline, readonly Diagnostic[]>> {
  const opened = await openPipelineFile(path, options);
  return opened.ok ? opened.value.check([]) : opened;
}

/** A pipeline file that was read once and may be checked many times, each time with some settings changed. */
export interface OpenedFile {
  /** The configuration with these settings, which come after those of `--set`. */
  check(settings: readonly Override[]): Result<ParsedPipeline, readonly Diagnostic[]>;
}

export async function openPipelineFile(
  path: string,
  options: ParseOptions,
): Promise<Result<OpenedFile, readonly Diagnostic[]>> {
  const file = await readPipelineFile(path, composerWith(options.memo));
  if (!file.tree) return err(inFileOrder(file.problems, file));
  const { tree } = file;
  const found: Diagnostic[] = [...file.problems];
  const overrides = await readOverrides(options.overrides, resolve(path), found);
  const loaded = await loadCustomKinds(writtenStages(tree), options.root);
  if (!loaded.ok) found.push(...loaded.error);
  const customKinds: CustomKinds = new Map([...(options.customKinds ?? []), ...(loaded.ok ? loaded.value : [])]);
  const own = Array.from(customKinds, ([key, { kind }]) => [key, kind] as const);
  const kinds = own.length === 0 ? options.kinds : new Map([...options.kinds, ...own]);
  const known = { ...options, customKinds };
  const settingsOf = (kind: string) => customKinds.get(kind)?.schema ?? publishedSettings(kind);
  let before: Checked | undefined;
  return ok({
    check(settings) {
      const problems = [...found];
      const overridden = applyOverrides(tree, [...overrides, ...settings], settingsOf, problems);
      const reaches = ({ path: at, value }: Override) =>
        at.startsWith('vars.') || (at === 'seed' && (!isSeed(value) || repeats(tree)));
      const base = settings.some(reaches) ? undefined : before;
      const checked = base
        ? recheck(base, overridden, settings, options.root, problems)
        : checkPipeline(path, file, overridden, overridesAsJson([...overrides, ...settings]), known, problems);
      if (problems.length > 0) return err(inFileOrder(problems, file));
      // A sound check without changes of its own is what later ones start from.
      if (settings.length === 0) before = checked;
      return ok({ config: checked.config, kinds });
    },
  });
}

/** A configuration with what it was made of. */
interface Checked {
  readonly config: PipelineConfig;
  readonly variables: Variables;
  readonly kinds: ReadonlyMap<string, UsedKind>;
  readonly expanded: readonly ExpandedStage[];
  readonly connected: ReadonlyMap<string, From>;
  readonly overrides: Readonly<Record<string, Json>>;
}

/** Settings of stages (and the seed) changed, and nothing that could reach other stages: only those are checked again. */
function recheck(
  before: Checked,
  tree: LocatedMap,
  settings: readonly Override[],
  root: string,
  problems: Diagnostic[],
): Checked {
  const touched = new Set(settings.map(({ steps: [first] }) => first.name));
  const written = memberOf(tree, 'stages');
  const stages = before.expanded.flatMap((stage, i): readonly StageConfig[] => {
    const known = before.config.stages[i];
    if (known && !touched.has(stage.written.name)) return [known];
    const given = memberOf(memberOf(written, stage.written.name), 'with');
    const member = given && { key: stage.written.key, value: given };
    const again = { ...stage, written: { ...stage.written, body: withMember(stage.written.body, 'with', member) } };
    const checked = checkedStage(again, before.kinds, before.variables, root, problems);
    return checked.map((one) => stageConfig(one, before.connected.get(stage.name) ?? {}));
  });
  const overrides = { ...before.overrides, ...overridesAsJson(settings) };
  return { ...before, config: { ...before.config, seed: seedOf(tree), stages, overrides } };
}

/** Problems are collected as far as the file can be made out, so that one look shows all of them; with any, the rest is moot. */
function checkPipeline(
  path: string,
  file: PipelineFile,
  overridden: LocatedMap,
  overrides: Readonly<Record<string, Json>>,
  options: ParseOptions & KnownKinds,
  problems: Diagnostic[],
): Checked {
  const variables = new Variables(overridden, options.environment, problems);
  const tree = aroundSettings(overridden, variables);
  problems.push(...shellProblems(tree));

  const raw = writtenStages(tree);
  const rounds = circles(raw);
  problems.push(...rounds);
  const kinds = kindsOf(raw, options, problems);
  const expanded = expandMatrices(raw, seedOf(tree), problems);
  const stages = expanded.flatMap((stage) => checkedStage(stage, kinds, variables, options.root, problems));
  const connected = rounds.length === 0 ? connect(stages, problems) : new Map<string, From>();
  const sweep = memberOf(tree, 'sweep');
  problems.push(...sweepProblems(sweep, raw, memberOf(tree, 'vars')));

  const config = {
    path: resolve(path),
    name: textOf(memberOf(tree, 'pipeline')) || pipelineNameOf(path),
    description: textOf(memberOf(tree, 'description')) ?? '',
    seed: seedOf(tree),
    stages: stages.map((stage) => stageConfig(stage, connected.get(stage.stage.name) ?? {})),
    ...(sweep && {
      sweep: { value: jsonOf(sweep), location: (pointer = '') => locate(nearestAt(sweep, keysOf(pointer)).place) },
    }),
    overrides,
    files: [...new Set(file.files)],
  };
  return { config, variables, kinds, expanded, connected, overrides };
}

/** Whether names of stages hang on the seed. */
function repeats(tree: LocatedMap): boolean {
  return writtenStages(tree).some(({ body }) => memberOf(body, 'repeat') || memberOf(memberOf(body, 'matrix'), 'seed'));
}

/** Whether a value needs no schema to be taken as a seed. */
function isSeed(value: Located): boolean {
  return value.type === 'scalar' && Number.isSafeInteger(value.value) && Number(value.value) >= 0;
}

function seedOf(tree: LocatedMap): number {
  const seed = memberOf(tree, 'seed');
  return seed?.type === 'scalar' && typeof seed.value === 'number' ? seed.value : DEFAULT_SEED;
}

/** Everything substituted but what stands below a stage's `with`, which may use the values of a matrix. */
function aroundSettings(tree: LocatedMap, variables: Variables): LocatedMap {
  const scope = { variables };
  let around = tree;
  for (const [key, member] of tree.members) {
    if (key === 'vars' || key === 'env' || key === 'stages') continue;
    around = withMember(around, key, { ...member, value: withTypedEnvironment(substitute(member.value, scope)) });
  }
  const stages = tree.members.get('stages');
  if (stages?.value.type !== 'map') return around;
  let inner = stages.value;
  for (const [name, stage] of stages.value.members) {
    if (stage.value.type !== 'map') continue;
    let body = stage.value;
    for (const [key, member] of stage.value.members) {
      if (key === 'with' && member.value.type !== 'scalar') continue;
      // `with:` without anything below it is an empty map.
      const value =
        key === 'with' && isNull(member.value) ? undefined : { ...member, value: substitute(member.value, scope) };
      body = withMember(body, key, value);
    }
    inner = withMember(inner, name, { ...stage, value: body });
  }
  return withMember(around, 'stages', { ...stages, value: inner });
}

function shellProblems(tree: LocatedMap): readonly Diagnostic[] {
  if (validatorOf('pipeline')(jsonOf(tree))) return [];
  const belongs = (key: string, keys: readonly string[]) => {
    const stage =
      keys[0] === 'stages' && keys.length === 2 ? memberOf(memberOf(tree, 'stages'), keys[1] ?? '') : undefined;
    const kind = textOf(memberOf(stage, 'kind'));
    if (kind && pathOfKey(publishedSettings(kind), key)?.length === 1)
      return `"${key}" is a setting of ${kind}: put it under \`with:\``;
    return undefined;
  };
  return schemaProblems(settingsSchema('pipeline'), tree, { what: '', kind: 'pipeline', belongs });
}

/**
 * The file's own first, then those of the files that it extends, of the command line, and of no place; each once. What was
 * refused while reading stands in the tree as nothing: what is said about that nothing later is only an echo.
 */
function inFileOrder(problems: readonly Diagnostic[], { files, problems: early }: PipelineFile): readonly Diagnostic[] {
  const shown = files.map((file) => sourceText(file, '').shown);
  const rank = ({ location }: Diagnostic) =>
    location && shown.includes(location.file) ? shown.indexOf(location.file) : shown.length;
  const place = ({ location }: Diagnostic) => `${location?.file}:${location?.line}:${location?.column}`;
  const refused = new Set(early.filter(({ location }) => location).map(place));
  const sorted = problems
    .filter((diagnostic) => early.includes(diagnostic) || !refused.has(place(diagnostic)))
    .sort(
      (a, b) =>
        rank(a) - rank(b) ||
        (a.location?.line ?? 0) - (b.location?.line ?? 0) ||
        (a.location?.column ?? 0) - (b.location?.column ?? 0),
    );
  const seen = new Set<string>();
  return sorted.filter((diagnostic) => {
    const key = `${diagnostic.code} ${place(diagnostic)} ${withoutChild(diagnostic.message)}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** Children of one matrix have one text: its faults are told once. */
function withoutChild(message: string): string {
  return message.replace(/^([\w-]+)@[^ :]+/, '$1');
}

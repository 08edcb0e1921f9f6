/** From a pipeline file to a checked configuration. Synchronous and quick: every cached run starts here. */
import { resolve } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import type { JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { type Environment, isInside, pipelineNameOf } from '../files/project.ts';
import type { StageKind } from '../stages/stage-kind.ts';
import { type CustomKinds, isModulePath, moduleKey } from './custom-kinds.ts';
import { environmentOf, withTypedEnvironment } from './environment-values.ts';
import { circles, connect, type From, type GraphStage } from './graph.ts';
import {
  folderOf,
  isNull,
  jsonOf,
  keysOf,
  type Located,
  type LocatedMap,
  memberOf,
  nearestAt,
  scalarsOf,
  textOf,
  withMember,
} from './located.ts';
import { type ExpandedStage, expandMatrices } from './matrix.ts';
import { applyOverrides, type Override, overridesAsJson, parseOverride } from './overrides.ts';
import type { PipelineConfig, StageConfig } from './pipeline-config.ts';
import { publishedSchema, publishedSettings } from './published-schema.ts';
import { type PipelineFile, readPipelineFile } from './read-file.ts';
import { pathOfKey, schemaProblems } from './schema-problems.ts';
import { locate, sourceText } from './source-text.ts';
import { substitute, Variables } from './substitute.ts';
import { type Validator, validators } from './validators.generated.js';
import { type WrittenStage, writtenStages } from './written-stage.ts';

export interface ParseOptions {
  /** Built-in kinds by name. */
  readonly kinds: ReadonlyMap<string, StageKind>;
  /** Kinds that the file brings, from `loadCustomKinds`. */
  readonly customKinds?: CustomKinds;
  /** `--set` arguments. */
  readonly overrides: readonly string[];
  readonly environment: Environment;
  /** Project root: outputs may not leave it. */
  readonly root: string;
}

export const DEFAULT_SEED = 42;

export function parsePipeline(path: string, options: ParseOptions): Result<PipelineConfig, readonly Diagnostic[]> {
  const file = readPipelineFile(path);
  if (!file.tree) return err(inFileOrder(file.problems, file));
  // Problems are collected as far as the file can be made out, so that one look shows all of them.
  const problems: Diagnostic[] = [...file.problems];
  const overrides = readOverrides(options.overrides, resolve(path), problems);
  const overridden = applyOverrides(file.tree, overrides, problems);
  const variables = new Variables(overridden, options.environment, problems);
  const tree = aroundSettings(overridden, variables);
  problems.push(...shellProblems(tree));

  const written = writtenStages(tree);
  const rounds = circles(written);
  problems.push(...rounds);
  const kinds = kindsOf(written, options, problems);
  const expanded = expandMatrices(written, problems);
  const stages = expanded.flatMap((stage) => checkedStage(stage, kinds, variables, options.root, problems));
  const connected = rounds.length === 0 ? connect(stages, problems) : new Map<string, From>();
  problems.push(...sweepProblems(memberOf(tree, 'sweep'), written, memberOf(tree, 'vars')));
  if (problems.length > 0) return err(inFileOrder(problems, file));

  const sweep = memberOf(tree, 'sweep');
  const seed = memberOf(tree, 'seed');
  return ok({
    path: resolve(path),
    name: textOf(memberOf(tree, 'pipeline')) || pipelineNameOf(path),
    description: textOf(memberOf(tree, 'description')) ?? '',
    seed: seed?.type === 'scalar' && typeof seed.value === 'number' ? seed.value : DEFAULT_SEED,
    stages: stages.map((stage) => stageConfig(stage, connected.get(stage.stage.name) ?? {})),
    ...(sweep && {
      sweep: { value: jsonOf(sweep), location: (pointer = '') => locate(nearestAt(sweep, keysOf(pointer)).place) },
    }),
    overrides: overridesAsJson(overrides),
    files: [...new Set(file.files)],
  });
}

function readOverrides(given: readonly string[], path: string, problems: Diagnostic[]): readonly Override[] {
  return given.flatMap((words) => {
    const override = parseOverride(words, path);
    if (override.ok) return [override.value];
    problems.push(override.error);
    return [];
  });
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
  const schema = publishedSettings('pipeline');
  if (!schema) throw new Error('schemas/pipeline.schema.json has no definition of the pipeline itself');
  const belongs = (key: string, keys: readonly string[]) => {
    const stage =
      keys[0] === 'stages' && keys.length === 2 ? memberOf(memberOf(tree, 'stages'), keys[1] ?? '') : undefined;
    const kind = textOf(memberOf(stage, 'kind'));
    if (kind && pathOfKey(publishedSettings(kind), key)?.length === 1)
      return `"${key}" is a setting of ${kind}: put it under \`with:\``;
    return undefined;
  };
  return schemaProblems(schema, tree, { what: '', kind: 'pipeline', belongs });
}

interface UsedKind {
  readonly key: string;
  readonly kind: StageKind;
  readonly validate: Validator;
  readonly schema: () => JsonObject;
}

/** The kind of each stage, by the stage's name. */
function kindsOf(
  stages: readonly WrittenStage[],
  options: ParseOptions,
  problems: Diagnostic[],
): ReadonlyMap<string, UsedKind> {
  const used = new Map<string, UsedKind>();
  for (const { name, key: at, body } of stages) {
    const node = memberOf(body, 'kind');
    const word = textOf(node);
    // A missing one is told by the schema.
    if (word === undefined) continue;
    const key = node && isModulePath(word) ? moduleKey(options.root, node, word) : word;
    const custom = options.customKinds?.get(key);
    const builtIn = options.kinds.get(key);
    if (custom) used.set(name, { key, kind: custom.kind, validate: custom.validate, schema: () => custom.schema });
    else if (builtIn)
      used.set(name, { key, kind: builtIn, validate: validatorOf(key), schema: () => settingsSchema(key) });
    else {
      const known = [...options.kinds.keys()];
      const help = [didYouMean(word, known), `kinds: ${known.join(', ')}, or a module: ./stages/my-stage.js`]
        .filter(Boolean)
        .join(' ');
      problems.push(
        problem('P023', `${name}: there is no stage kind "${word}"`, { location: locate(node?.place ?? at), help }),
      );
    }
  }
  return used;
}

function settingsSchema(kind: string): JsonObject {
  const schema = publishedSettings(kind);
  if (!schema) throw new Error(`schemas/pipeline.schema.json has no definition of ${kind}`);
  return schema;
}

function validatorOf(name: string): Validator {
  const validator = validators[name];
  if (!validator) throw new Error(`there is no validator of ${name}; \`npm run build\` makes it`);
  return validator;
}

interface CheckedStage extends GraphStage {
  readonly key: string;
  readonly settings: LocatedMap;
}

function checkedStage(
  stage: ExpandedStage,
  kinds: ReadonlyMap<string, UsedKind>,
  variables: Variables,
  root: string,
  problems: Diagnostic[],
): readonly CheckedStage[] {
  const used = kinds.get(stage.written.name);
  if (!used) return [];
  const values = [...stage.choice.values()].map(({ name, value }) => [name, value] as const);
  const given = memberOf(stage.written.body, 'with') ?? { type: 'map', members: new Map(), place: stage.written.key };
  const substituted = substitute(given, { variables, ...(values.length > 0 && { matrix: new Map(values) }) });
  const settings = used.validate(jsonOf(substituted)) ? substituted : withTypedEnvironment(substituted);
  if (settings !== substituted && !used.validate(jsonOf(settings)))
    problems.push(...settingsProblems(stage, used, substituted, kinds));
  problems.push(...outputsOutside(stage.name, used.kind, settings, root));
  return settings.type === 'map' ? [{ stage, kind: used.kind, key: used.key, settings }] : [];
}

function settingsProblems(
  stage: ExpandedStage,
  used: UsedKind,
  settings: Located,
  kinds: ReadonlyMap<string, UsedKind>,
): readonly Diagnostic[] {
  const belongs = (key: string, keys: readonly string[]) => {
    const own = pathOfKey(used.schema(), key);
    if (own && own.slice(0, -1).join('.') !== keys.join('.'))
      return `"${key}" belongs to ${['with', ...own].slice(0, -1).join('.')}`;
    const elsewhere = [...kinds].filter(
      ([name, other]) => name !== stage.written.name && pathOfKey(other.schema(), key)?.length === 1,
    );
    return elsewhere.length > 0
      ? `"${key}" belongs to ${elsewhere
          .slice(0, 3)
          .map(([name, other]) => `${name} (${other.key})`)
          .join(' or ')}`
      : undefined;
  };
  return schemaProblems(used.schema(), settings, { what: `${stage.name} (${used.key})`, kind: used.key, belongs });
}

/** Outputs that would lie outside of the project. Bare names go to `results/<pipeline>/`. */
function outputsOutside(stage: string, kind: StageKind, settings: Located, root: string): readonly Diagnostic[] {
  return (kind.outputParams ?? []).flatMap((key) => {
    const outputs = memberOf(settings, key);
    return [...(outputs ? scalarsOf(outputs) : [])].flatMap(({ scalar }) => {
      if (typeof scalar.value !== 'string' || isInside(root, resolve(folderOf(scalar), scalar.value))) return [];
      return [
        problem('P030', `${stage}: ${key} lies outside of the project`, {
          location: locate(scalar.place),
          help: 'give a path inside of it, or a name, which goes to results/',
        }),
      ];
    });
  });
}

/** Paths under `over` and the goal's metric start with something that is there. */
function sweepProblems(
  sweep: Located | undefined,
  stages: readonly WrittenStage[],
  vars: Located | undefined,
): readonly Diagnostic[] {
  const names = stages.map(({ name }) => name);
  const variables = vars?.type === 'map' ? [...vars.members.keys()].map((name) => `vars.${name}`) : [];
  const known = [...names, ...variables, 'seed'];
  const over = memberOf(sweep, 'over');
  const problems: Diagnostic[] = [];
  for (const [path, { key }] of over?.type === 'map' ? over.members : []) {
    const [first = '', ...rest] = path.split('.');
    const unsafe = rest.find((part) => part === '' || ['__proto__', 'constructor', 'prototype'].includes(part));
    const found =
      first === 'vars'
        ? variables.includes(`vars.${rest[0]}`)
        : path === 'seed' || (names.includes(first) && rest.length > 0);
    if (unsafe !== undefined || !found) {
      const help =
        didYouMean(first === 'vars' ? path : first, known) ??
        `a path is STAGE.SETTING, vars.NAME or seed; stages: ${names.join(', ')}`;
      problems.push(
        problem('P034', `sweep.over: "${path}" is no setting of this pipeline`, { location: locate(key), help }),
      );
    }
  }
  const goal = memberOf(sweep, 'goal');
  for (const { scalar } of goal ? scalarsOf(goal) : []) {
    const stage = /^[^.@]*/.exec(String(scalar.value))?.[0] ?? '';
    if (!names.includes(stage))
      problems.push(
        problem('P034', `sweep.goal: there is no stage "${stage}"`, {
          location: locate(scalar.place),
          help: didYouMean(stage, names) ?? `stages: ${names.join(', ')}`,
        }),
      );
  }
  return problems;
}

function stageConfig({ stage, key, settings }: CheckedStage, from: From): StageConfig {
  const { values, pointers } = environmentOf(settings);
  const matrix = [...stage.choice.values()].map(({ name, value }) => [name, jsonOf(value)] as const);
  return {
    name: stage.name,
    kind: key,
    from,
    with: jsonOf(settings),
    environment: values,
    environmentPointers: pointers,
    ...(matrix.length > 0 && { matrix: { stage: stage.written.name, values: Object.fromEntries(matrix) } }),
    location: (pointer = '') => locate(pointer === '' ? stage.written.key : nearestAt(settings, keysOf(pointer)).place),
    baseDirectory: (pointer = '') => folderOf(nearestAt(settings, keysOf(pointer))),
  };
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

/** The whole published schema, for `pipe schema`. */
export { publishedSchema };

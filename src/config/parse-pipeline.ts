/** From a pipeline file to a checked configuration. Synchronous and quick: every cached run starts here. */
import { resolve } from 'node:path';
import type { Diagnostic } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import { type Environment, pipelineNameOf } from '../files/project.ts';
import type { StageKind } from '../stages/stage-kind.ts';
import { checkedStage, stageConfig } from './check-stage.ts';
import { loadCustomKinds } from './custom-kinds.ts';
import { withTypedEnvironment } from './environment-values.ts';
import { circles, connect, type From } from './graph.ts';
import { isNull, jsonOf, keysOf, type LocatedMap, memberOf, nearestAt, textOf, withMember } from './located.ts';
import { expandMatrices } from './matrix.ts';
import { applyOverrides, type Override, overridesAsJson, parseOverride } from './overrides.ts';
import type { PipelineConfig } from './pipeline-config.ts';
import { publishedSettings } from './published-schema.ts';
import { type PipelineFile, readPipelineFile } from './read-file.ts';
import { pathOfKey, schemaProblems } from './schema-problems.ts';
import { locate, sourceText } from './source-text.ts';
import { substitute, Variables } from './substitute.ts';
import { sweepProblems } from './sweep-problems.ts';
import { type KnownKinds, kindsOf, settingsSchema, validatorOf } from './used-kinds.ts';
import { writtenStages } from './written-stage.ts';

/** Outputs may not leave the root. */
export interface ParseOptions extends KnownKinds {
  /** `--set` arguments. */
  readonly overrides: readonly string[];
  readonly environment: Environment;
}

export const DEFAULT_SEED = 42;

export function parsePipeline(path: string, options: ParseOptions): Result<PipelineConfig, readonly Diagnostic[]> {
  const file = readPipelineFile(path);
  if (!file.tree) return err(inFileOrder(file.problems, file));
  // Problems are collected as far as the file can be made out, so that one look shows all of them.
  const problems: Diagnostic[] = [...file.problems];
  const settingsOf = (kind: string) => options.customKinds?.get(kind)?.schema ?? publishedSettings(kind);
  const overrides = readOverrides(options.overrides, resolve(path), problems);
  const overridden = applyOverrides(file.tree, overrides, settingsOf, problems);
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

export interface ReadPipeline {
  readonly config: PipelineConfig;
  /** The built-in kinds and those that the file brings, by `StageConfig.kind`. */
  readonly kinds: ReadonlyMap<string, StageKind>;
}

/** As `parsePipeline`, after importing the kinds that the file brings, where there are any. */
export async function readPipeline(
  path: string,
  options: Omit<ParseOptions, 'customKinds'>,
): Promise<Result<ReadPipeline, readonly Diagnostic[]>> {
  const first = parsePipeline(path, options);
  if (first.ok) return ok({ config: first.value, kinds: options.kinds });
  if (!first.error.some(({ code }) => code === 'P032')) return first;
  const customKinds = await loadCustomKinds(path, options.root);
  if (!customKinds.ok) return customKinds;
  const parsed = parsePipeline(path, { ...options, customKinds: customKinds.value });
  if (!parsed.ok) return parsed;
  const own = Array.from(customKinds.value, ([key, { kind }]) => [key, kind] as const);
  return ok({ config: parsed.value, kinds: new Map([...options.kinds, ...own]) });
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

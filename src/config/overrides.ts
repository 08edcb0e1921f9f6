/** `--set head.epochs=5`: a stage's `with`, `vars.x` or `seed`; the value is read as YAML, `null` removes. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import {
  FORBIDDEN_KEYS,
  isNull,
  jsonOf,
  type Located,
  type LocatedMap,
  locatedAt,
  memberOf,
  textOf,
  withMember,
} from './located.ts';
import { shorthandMember } from './published-schema.ts';
import type { Composed } from './read-file.ts';
import { type Expand, type Refusal, type Step, setValue } from './set-value.ts';
import { locate, optionText, type Place, type SourceText } from './source-text.ts';

export interface Override {
  /** `head.optimizer.adam.learningRate` */
  readonly path: string;
  readonly steps: readonly [Step, ...Step[]];
  readonly value: Located;
}

/** Reads each `--set`. */
export async function readOverrides(
  given: readonly string[],
  pipelinePath: string,
  problems: Diagnostic[],
): Promise<readonly Override[]> {
  if (given.length === 0) return [];
  const { composeYaml } = await import('./read-yaml.ts');
  return given.flatMap((words) => {
    const override = parseOverride(words, pipelinePath, composeYaml);
    if (override.ok) return [override.value];
    problems.push(override.error);
    return [];
  });
}

type ComposeFrom = (source: SourceText, offset: number) => Composed;

/** Reads one `--set`. Relative paths in its value start at the pipeline file, like all others. */
function parseOverride(words: string, pipelinePath: string, composeYaml: ComposeFrom): Result<Override, Diagnostic> {
  const source = optionText(words, pipelinePath);
  const sign = words.indexOf('=');
  const all = { source, start: 0, end: words.length };
  const usage = 'for example --set head.epochs=5, --set vars.size=96 or --set seed=7';
  if (sign < 1)
    return err(
      problem('U002', `--set takes PATH=VALUE, and "${words}" is not that`, { location: locate(all), help: usage }),
    );
  const path = words.slice(0, sign);
  let start = 0;
  const steps = path.split('.').map((name): Step => {
    const place = { source, start, end: start + name.length };
    start += name.length + 1;
    return { name, place };
  });
  const [first, ...rest] = steps;
  const bad = steps.find(({ name }) => name.trim() !== name || name === '' || FORBIDDEN_KEYS.has(name));
  if (!first || bad)
    return err(
      problem('U002', `--set ${path}: "${bad?.name}" cannot be part of a path`, {
        location: locate(bad?.place ?? all),
        help: usage,
      }),
    );
  const { node, problems } = composeYaml(source, sign + 1);
  const [trouble] = problems;
  if (trouble)
    return err(
      problem('U002', `--set ${path}: ${trouble.message}`, {
        location: trouble.location,
        help: trouble.help ?? 'the value is read as YAML',
      }),
    );
  return ok({
    path,
    steps: [first, ...rest],
    value: node ?? { type: 'scalar', value: null, place: { source, start: sign + 1, end: words.length } },
  });
}

/** A setting that a sweep gives, at the place where the sweep names it. */
export function overrideOf(path: string, value: Json, place: Place): Override {
  const [first = '', ...rest] = path.split('.');
  const step = (name: string): Step => ({ name, place });
  return { path, steps: [step(first), ...rest.map(step)], value: locatedAt(value, place) };
}

/** Schema of a kind's settings, asked only where a shorthand is in the way. */
export type SettingsOf = (kind: string) => JsonObject | undefined;

/** Applies overrides to a file's tree, before substitution. */
export function applyOverrides(
  tree: LocatedMap,
  overrides: readonly Override[],
  settingsOf: SettingsOf,
  problems: Diagnostic[],
): LocatedMap {
  return overrides.reduce((current, override) => {
    const applied = applyOne(current, override, settingsOf);
    if (applied.ok) return applied.value;
    const { step, message, help } = applied.error;
    problems.push(problem('U003', `--set ${override.path}: ${message}`, { location: locate(step.place), help }));
    return current;
  }, tree);
}

function applyOne(tree: LocatedMap, override: Override, settingsOf: SettingsOf): Result<LocatedMap, Refusal> {
  const { steps, value } = override;
  const [first, second, ...deeper] = steps;
  const fail = (step: Step, message: string, help: string) => err({ step, message, help });
  if (first.name === 'seed' && !second)
    return ok(withMember(tree, 'seed', isNull(value) ? undefined : { key: first.place, value }));
  if (first.name === 'vars') {
    const known = namesIn(memberOf(tree, 'vars'));
    if (!second) return fail(first, 'which variable?', 'for example --set vars.size=96');
    if (!known.includes(second.name)) {
      const help =
        didYouMean(second.name, known) ?? (known.length > 0 ? `vars: ${known.join(', ')}` : 'declare it under `vars:`');
      return fail(second, `the pipeline has no variable "${second.name}"`, help);
    }
    return setValue(tree, [first, second, ...deeper], value, undefined);
  }
  const stages = memberOf(tree, 'stages');
  if (!namesIn(stages).includes(first.name))
    return fail(first, `the pipeline has no stage "${first.name}"`, stageHelp(override, namesIn(stages)));
  const above = ['stages', first.name, 'with'].map((name): Step => ({ name, place: first.place }));
  // A map stands for all settings of the stage.
  if (!second && value.type === 'map') return setValue(tree, above, value, undefined);
  if (!second) return fail(first, 'which setting of the stage?', `for example --set ${first.name}.epochs=5`);
  const stage = memberOf(stages, first.name);
  if (second.name === 'with' && !memberOf(memberOf(stage, 'with'), 'with')) {
    const without = [first, ...deeper].map(({ name }) => name).join('.');
    return fail(second, 'settings are named without `with`', `--set ${without}=…`);
  }
  const expand: Expand = (keys) => {
    const schema = settingsOf(textOf(memberOf(stage, 'kind')) ?? '');
    return schema && shorthandMember(schema, keys.slice(above.length));
  };
  return setValue(tree, [...above, second, ...deeper], value, expand);
}

function namesIn(node: Located | undefined): readonly string[] {
  return node?.type === 'map' ? [...node.members.keys()] : [];
}

function stageHelp({ steps: [first, second] }: Override, stages: readonly string[]): string {
  const parent = first.name.split('@')[0] ?? '';
  if (first.name === 'stages' && second && stages.includes(second.name)) return 'leave out `stages.`';
  if (first.name === 'env') return 'set the variable in the environment instead';
  if (first.name.includes('@') && stages.includes(parent))
    return `${first.name} is made by a matrix; set ${parent}.… for all of its children`;
  return didYouMean(first.name, [...stages, 'vars', 'seed']) ?? `stages: ${stages.join(', ')}; or vars.NAME, or seed`;
}

/** What `--set` changed, by dotted path. */
export function overridesAsJson(overrides: readonly Override[]): Readonly<Record<string, ReturnType<typeof jsonOf>>> {
  return Object.fromEntries(overrides.map(({ path, value }) => [path, jsonOf(value)]));
}

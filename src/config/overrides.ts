/** `--set head.epochs=5`: a stage's `with`, `vars.x` or `seed`; the value is read as YAML, `null` removes. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { err, ok, type Result } from '../base/result.ts';
import {
  FORBIDDEN_KEYS,
  isNull,
  jsonOf,
  type Located,
  type LocatedMap,
  memberOf,
  textOf,
  withMember,
} from './located.ts';
import { composeYaml } from './read-yaml.ts';
import { locate, optionText, type Place } from './source-text.ts';

interface Step {
  readonly name: string;
  readonly place: Place;
}

export interface Override {
  /** `head.optimizer.adam.learningRate` */
  readonly path: string;
  readonly steps: readonly [Step, ...Step[]];
  readonly value: Located;
}

/** Reads one `--set`. Relative paths in its value start at the pipeline file, like all others. */
export function parseOverride(words: string, pipelinePath: string): Result<Override, Diagnostic> {
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

/** Applies overrides to a file's tree, before substitution. */
export function applyOverrides(tree: LocatedMap, overrides: readonly Override[], problems: Diagnostic[]): LocatedMap {
  return overrides.reduce((current, override) => {
    const applied = applyOne(current, override);
    if (applied.ok) return applied.value;
    problems.push(applied.error);
    return current;
  }, tree);
}

function applyOne(tree: LocatedMap, override: Override): Result<LocatedMap, Diagnostic> {
  const { path, steps, value } = override;
  const [first, second, ...deeper] = steps;
  const fail = (step: Step, message: string, help: string | undefined) =>
    err(problem('U003', `--set ${path}: ${message}`, { location: locate(step.place), help }));
  if (first.name === 'seed' && !second) return ok(withMember(tree, 'seed', { key: first.place, value }));
  if (first.name === 'vars') {
    const known = namesIn(memberOf(tree, 'vars'));
    if (!second || !known.includes(second.name)) {
      return fail(
        second ?? first,
        `the pipeline has no variable "${second?.name ?? ''}"`,
        second && (didYouMean(second.name, known) ?? known.length > 0)
          ? (didYouMean(second.name, known) ?? `vars: ${known.join(', ')}`)
          : 'declare it under `vars:`',
      );
    }
    return setBelow(tree, [first, second, ...deeper], override);
  }
  const stages = namesIn(memberOf(tree, 'stages'));
  if (!stages.includes(first.name))
    return fail(first, `the pipeline has no stage "${first.name}"`, stageHelp(override, stages));
  if (!second) return fail(first, 'which setting of the stage?', `for example --set ${first.name}.epochs=5`);
  const written = memberOf(memberOf(memberOf(tree, 'stages'), first.name), 'with');
  if (second.name === 'with' && !memberOf(written, 'with')) {
    return fail(
      second,
      'settings are named without `with`',
      `--set ${[first, ...deeper].map(({ name }) => name).join('.')}=…`,
    );
  }
  const asKey = (name: string): Step => ({ name, place: first.place });
  return setBelow(tree, [asKey('stages'), first, { name: 'with', place: first.place }, second, ...deeper], override);
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

/** Sets a value deep in a tree. What is not a map on the way must be a shorthand: `optimizer: adam` means `{ adam: {} }`. */
function setBelow(node: LocatedMap, steps: readonly Step[], override: Override): Result<LocatedMap, Diagnostic> {
  const [step, next, ...rest] = steps;
  if (!step) return ok(node);
  const member = node.members.get(step.name);
  if (!next)
    return ok(
      withMember(node, step.name, isNull(override.value) ? undefined : { key: step.place, value: override.value }),
    );
  const set = setIn(member?.value, step, [next, ...rest], override);
  return set.ok ? ok(withMember(node, step.name, { key: member?.key ?? step.place, value: set.value })) : set;
}

function setIn(
  node: Located | undefined,
  at: Step,
  steps: readonly [Step, ...Step[]],
  override: Override,
): Result<Located, Diagnostic> {
  const [step, ...rest] = steps;
  const [next, ...deeper] = rest;
  const fail = (message: string, help?: string) =>
    err(problem('U003', `--set ${override.path}: ${message}`, { location: locate(step.place), help }));
  if (node?.type === 'list') {
    const item = node.items[Number(step.name)];
    if (!/^\d+$/.test(step.name) || !item)
      return fail(`"${at.name}" is a list of ${node.items.length}; items count from 0`);
    const set = next ? setIn(item, step, [next, ...deeper], override) : ok(override.value);
    return set.ok ? ok({ ...node, items: node.items.map((old) => (old === item ? set.value : old)) }) : set;
  }
  const empty: LocatedMap = { type: 'map', members: new Map(), place: node?.place ?? at.place };
  if (node === undefined || isNull(node)) return setBelow(empty, steps, override);
  if (node.type === 'map') return setBelow(node, steps, override);
  const word = textOf(node);
  if (word === step.name && next)
    return setBelow({ ...empty, members: new Map([[word, { key: node.place, value: empty }]]) }, steps, override);
  const whole = override.steps.slice(
    0,
    override.steps.findIndex(({ place }) => place === step.place),
  );
  const prefix = whole.map(({ name }) => name).join('.');
  return fail(
    `${prefix} is ${JSON.stringify(node.value)} in the file and has no part "${step.name}"`,
    `set all of it: --set '${prefix}={${step.name}: …}'`,
  );
}

/** What `--set` changed, by dotted path. */
export function overridesAsJson(overrides: readonly Override[]): Readonly<Record<string, ReturnType<typeof jsonOf>>> {
  return Object.fromEntries(overrides.map(({ path, value }) => [path, jsonOf(value)]));
}

/**
 * `matrix:` on a stage makes one child a combination of its axes, `head@500`. A stage that reads the group fans out the
 * same way: over every axis behind it, two sources that share an axis staying in step.
 */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { type Choice, ownCombinations } from './matrix-axes.ts';
import { locate } from './source-text.ts';
import { groupOf, type Source, type WrittenStage } from './written-stage.ts';

/** A stage as it is run: as written, or one child of a matrix. */
export interface ExpandedStage {
  readonly name: string;
  readonly written: WrittenStage;
  /** What made this child, by axis; empty for a stage without a matrix behind it. */
  readonly choice: Choice;
  readonly reads: readonly ResolvedSource[];
}

export interface ResolvedSource extends Source {
  readonly stage: string;
  /** Empty where the text names none. */
  readonly artifact: string;
}

const MOST_CHILDREN = 1000;

/** @param seed the pipeline's, from which `repeat` counts. */
export function expandMatrices(
  stages: readonly WrittenStage[],
  seed: number,
  problems: Diagnostic[],
): readonly ExpandedStage[] {
  const groups = new Map<string, readonly ExpandedStage[]>();
  const names = new Set(stages.map(({ name }) => name));
  let waiting = stages;
  while (waiting.length > 0) {
    // A stage waits for the groups that it reads; what waits for ever is a circle, which the graph check reports.
    const ready = waiting.filter((stage) =>
      stage.sources.every((source) => !names.has(groupOf(source)) || groups.has(groupOf(source))),
    );
    const next = ready.length > 0 ? ready : waiting;
    for (const stage of next) groups.set(stage.name, expand(stage, groups, names, seed, problems));
    waiting = waiting.filter((stage) => !groups.has(stage.name));
  }
  return stages.flatMap(({ name }) => groups.get(name) ?? []);
}

type Groups = ReadonlyMap<string, readonly ExpandedStage[]>;

function expand(
  stage: WrittenStage,
  groups: Groups,
  names: ReadonlySet<string>,
  seed: number,
  problems: Diagnostic[],
): readonly ExpandedStage[] {
  const sources = stage.sources.flatMap((source) => findSource(source, stage, groups, names, problems));
  const own = ownCombinations(stage, seed, problems);
  const behind = sources.reduce<readonly Choice[]>(
    (rows, { children }) =>
      joinChoices(
        rows,
        children.map(({ choice }) => choice),
      ),
    [new Map()],
  );
  const choices = joinChoices(behind, own);
  const fail = (message: string, help: string) => {
    problems.push(problem('P029', message, { location: locate(stage.key), help }));
    return [];
  };
  if (choices.length > MOST_CHILDREN)
    return fail(
      `${stage.name} would have ${choices.length.toLocaleString('en')} children`,
      `at most ${MOST_CHILDREN}; a \`sweep:\` is made for more`,
    );
  const clash = choices[0] && axisNamedTwice(choices[0]);
  if (clash)
    return fail(
      `${stage.name} has two axes called "${clash}" behind it`,
      'rename one, or pick one child: `from: NAME@VALUE`',
    );
  const made = choices.map(
    (choice): ExpandedStage => ({
      name: childName(stage.name, choice),
      written: stage,
      choice,
      reads: sources.map((source) => pick(source, choice)),
    }),
  );
  const twice = made.find(({ name }, i) => made.findIndex((other) => other.name === name) !== i);
  if (twice)
    return fail(
      `two children would be called ${twice.name}`,
      'give the values other names: `matrix: { size: { small: 64, large: 96 } }`',
    );
  return made;
}

interface FoundSource {
  readonly source: Source;
  readonly artifact: string;
  /** The stage itself, or all children of a matrix. */
  readonly children: readonly ExpandedStage[];
}

function findSource(
  source: Source,
  reader: WrittenStage,
  groups: Groups,
  names: ReadonlySet<string>,
  problems: Diagnostic[],
): readonly FoundSource[] {
  const group = groupOf(source);
  const children = groups.get(group);
  const fail = (message: string, help: string) => {
    problems.push(problem('P024', message, { location: locate(source.place), help }));
    return [];
  };
  if (!names.has(group))
    return fail(
      `${reader.name} reads "${group}", which is no stage of this pipeline`,
      didYouMean(group, [...names]) ?? `stages: ${[...names].join(', ')}`,
    );
  // Part of a circle: as if it had no matrix.
  if (!children)
    return [
      {
        source,
        artifact: source.text.slice(group.length + 1),
        children: [{ name: group, written: reader, choice: new Map(), reads: [] }],
      },
    ];
  if (!source.text.startsWith(`${group}@`))
    return [{ source, artifact: source.text.slice(group.length + 1), children }];
  const picked = children
    .filter(({ name }) => source.text === name || source.text.startsWith(`${name}.`))
    .sort((a, b) => b.name.length - a.name.length)[0];
  if (picked)
    return [
      { source, artifact: source.text.slice(picked.name.length + 1), children: [{ ...picked, choice: new Map() }] },
    ];
  const known = children.map(({ name }) => name);
  return fail(
    `${reader.name} reads "${source.text}", which is no child of ${group}`,
    didYouMean(source.text, known) ?? `there is ${known.join(', ')}`,
  );
}

/** Of a group, the child that was made by the same values. */
function pick({ source, artifact, children }: FoundSource, choice: Choice): ResolvedSource {
  const child = children.find((candidate) =>
    [...candidate.choice].every(([axis, value]) => choice.get(axis)?.label === value.label),
  );
  return { ...source, stage: child?.name ?? groupOf(source), artifact };
}

/** Every pair that agrees on the axes that both have, each once. */
function joinChoices(left: readonly Choice[], right: readonly Choice[]): readonly Choice[] {
  const joined = new Map<string, Choice>();
  for (const a of left) {
    for (const b of right) {
      if ([...b].some(([axis, value]) => a.has(axis) && a.get(axis)?.label !== value.label)) continue;
      const both: Choice = new Map([...a, ...b]);
      joined.set([...both].map(([axis, { label }]) => `${axis}=${label}`).join('\n'), both);
      if (joined.size > MOST_CHILDREN * 10) return [...joined.values()];
    }
  }
  return [...joined.values()];
}

function axisNamedTwice(choice: Choice): string | undefined {
  const names = [...choice.values()].map(({ name }) => name);
  return names.find((name, i) => names.indexOf(name) !== i);
}

function childName(stage: string, choice: Choice): string {
  return choice.size === 0 ? stage : `${stage}@${[...choice.values()].map(({ label }) => label).join('-')}`;
}

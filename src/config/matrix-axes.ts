/** The axes of one `matrix:` and their combinations, less `exclude`, plus `include`. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { type Located, memberOf } from './located.ts';
import { locate, type Place } from './source-text.ts';
import type { WrittenStage } from './written-stage.ts';

interface AxisValue {
  /** Name of the axis, as in `${matrix.units}`. */
  readonly name: string;
  /** What the value is called in the child's name. */
  readonly label: string;
  readonly value: Located;
}

/** A value for each axis; keys are `<stage>/<axis>`, since two stages may each have an axis of one name. */
export type Choice = ReadonlyMap<string, AxisValue>;

const LABEL = /^[A-Za-z0-9._+-]+$/;
const NOTHING: readonly Choice[] = [new Map()];

/** The combinations of a stage's own axes: one, empty, without a matrix. */
export function ownCombinations(stage: WrittenStage, seed: number, problems: Diagnostic[]): readonly Choice[] {
  const repeated = repetitions(stage, seed);
  const combined = matrixCombinations(stage, problems);
  if (repeated.length === 0) return combined;
  return combined.flatMap((choice) =>
    repeated.map((value): Choice => new Map([...choice, [`${stage.name}/seed`, value]])),
  );
}

/** `repeat: 5` is an axis of five seeds, counted up from the pipeline's. */
function repetitions(stage: WrittenStage, seed: number): readonly AxisValue[] {
  const repeat = memberOf(stage.body, 'repeat');
  if (repeat?.type !== 'scalar' || typeof repeat.value !== 'number') return [];
  return Array.from({ length: repeat.value }, (_, i) => ({
    name: 'seed',
    label: String(seed + i),
    value: { type: 'scalar', value: seed + i, place: repeat.place } as const,
  }));
}

function matrixCombinations(stage: WrittenStage, problems: Diagnostic[]): readonly Choice[] {
  const matrix = memberOf(stage.body, 'matrix');
  if (matrix?.type !== 'map') return NOTHING;
  const fail = (place: Place, message: string, help?: string) => {
    problems.push(problem('P029', message, { location: locate(place), help }));
    return NOTHING;
  };
  const axes: AxisValue[][] = [];
  for (const [name, { value }] of matrix.members) {
    if (name === 'include' || name === 'exclude') continue;
    const values = axisValues(name, value);
    const nameless = values.find(({ label }) => !LABEL.test(label));
    const twice = values.find(({ label }, i) => values.findIndex((other) => other.label === label) !== i);
    const hidden = values.find(
      ({ value: item }) => item.type === 'scalar' && item.environment && value.type === 'list',
    );
    if (hidden)
      return fail(
        hidden.value.place,
        "a value from the environment cannot be part of a stage's name",
        `name it: \`${name}: { first: … }\``,
      );
    // An empty axis is told by the schema.
    if (values.length === 0) return NOTHING;
    if (nameless)
      return fail(
        nameless.value.place,
        `this value of "${name}" cannot be part of a stage's name`,
        `name it: \`${name}: { wide: … }\``,
      );
    if (twice)
      return fail(
        twice.value.place,
        `the axis "${name}" has the value ${twice.label} twice`,
        `remove one, or name them: \`${name}: { first: …, second: … }\``,
      );
    axes.push([...values]);
  }
  const known = axes.flatMap(([first]) => (first ? [first.name] : []));
  const partial = (node: Located, all: boolean): ReadonlyMap<string, AxisValue> | undefined => {
    if (node.type !== 'map') return undefined;
    const made = new Map<string, AxisValue>();
    for (const [name, { key, value }] of node.members) {
      if (!known.includes(name)) {
        fail(key, `the matrix has no axis "${name}"`, didYouMean(name, known) ?? `axes: ${known.join(', ')}`);
        return undefined;
      }
      const label = labelOf(value);
      const listed = axes.flat().find((other) => other.name === name && other.label === label);
      if (!listed && !all) {
        fail(value.place, `the axis "${name}" has no value ${label}`);
        return undefined;
      }
      made.set(name, listed ?? { name, label, value });
    }
    const missing = all ? known.find((name) => !made.has(name)) : undefined;
    if (missing) fail(node.place, `this combination has no value for "${missing}"`);
    return missing ? undefined : made;
  };
  const excluded = itemsOf(memberOf(matrix, 'exclude')).flatMap((node) => partial(node, false) ?? []);
  const included = itemsOf(memberOf(matrix, 'include')).flatMap((node) => partial(node, true) ?? []);
  const product = axes.reduce<readonly (readonly AxisValue[])[]>(
    (rows, axis) => rows.flatMap((row) => axis.map((value) => [...row, value])),
    [[]],
  );
  const kept = product.filter(
    (row) =>
      !excluded.some((rule) => row.every(({ name, label }) => !rule.has(name) || rule.get(name)?.label === label)),
  );
  const added = included.map((row) => known.flatMap((name) => row.get(name) ?? []));
  const rows = [...(axes.length > 0 ? kept : []), ...added];
  if (rows.length === 0)
    return fail(
      matrix.place,
      'the matrix has no combination',
      axes.length > 0 ? 'everything is excluded' : 'give it an axis: `matrix: { units: [500, 1000] }`',
    );
  return rows.map((row) => new Map(row.map((value) => [`${stage.name}/${value.name}`, value])));
}

function itemsOf(node: Located | undefined): readonly Located[] {
  return node?.type === 'list' ? node.items : [];
}

/** A list of values, or a map from a name to a value. */
function axisValues(name: string, node: Located): readonly AxisValue[] {
  if (node.type === 'list') return node.items.map((value) => ({ name, label: labelOf(value), value }));
  if (node.type === 'map') return [...node.members].map(([label, { value }]) => ({ name, label, value }));
  return [];
}

/** What a value is called: a scalar by itself, `[224, 224]` as `224x224`, `{ adam: … }` as `adam`. */
function labelOf(node: Located): string {
  if (node.type === 'scalar') return node.value === null ? '' : String(node.value);
  if (node.type === 'list') return node.items.map(labelOf).join('x');
  return node.members.size === 1 ? [...node.members.keys()].join('') : '';
}

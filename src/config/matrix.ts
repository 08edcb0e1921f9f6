/** `matrix:` on a stage makes one child a combination, `head@500`; a stage that reads the group fans out the same way. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import type { Located, LocatedMap } from './located.ts';
import { substitute } from './substitute.ts';

/** A stage of the file before its settings are checked. */
export interface RawStage {
  readonly name: string;
  /** Name in the file: `head` of `head@500`. */
  readonly group: string;
  readonly key: Located['at'];
  readonly body: LocatedMap;
  /** Values of `${matrix.x}` that made this child. */
  readonly matrix: ReadonlyMap<string, Located>;
}

const MOST_CHILDREN = 1000;

export function expandMatrices(stages: readonly RawStage[], problems: Diagnostic[]): readonly RawStage[] {
  const children = new Map<string, readonly RawStage[]>();
  const expanded: RawStage[] = [];
  let waiting = [...stages];
  const names = new Set(stages.map(({ name }) => name));
  while (waiting.length > 0) {
    // A stage waits for the groups that it reads; what is left at last is a cycle, reported by the graph check.
    const ready = waiting.filter((stage) => groupsRead(stage, names).every((group) => children.has(group)));
    const batch = ready.length > 0 ? ready : waiting;
    for (const stage of batch) {
      const made = fanOut(stage, children, names, problems);
      children.set(stage.name, made);
    }
    waiting = waiting.filter((stage) => !batch.includes(stage));
  }
  for (const stage of stages) expanded.push(...(children.get(stage.name) ?? []));
  return expanded;
}

function groupsRead(stage: RawStage, names: ReadonlySet<string>): readonly string[] {
  return sourcesOf(stage).map(({ text }) => text.split('.')[0] ?? '').filter((name) => names.has(name) && name !== stage.name);
}

function fanOut(stage: RawStage, children: ReadonlyMap<string, readonly RawStage[]>, names: ReadonlySet<string>, problems: Diagnostic[]): readonly RawStage[] {
  const own = combinations(stage, problems);
  const inherited = groupsRead(stage, names).map((name) => children.get(name) ?? []).filter((group) => group.length > 0 && group[0]?.name !== group[0]?.group);
  const outer = [...new Map(inherited.map((group) => [group[0]?.group, group])).values()];
  if (own.length === 1 && own[0]?.label === '' && outer.length === 0) return [stage];
  const made: RawStage[] = [];
  for (const picks of product(outer)) {
    for (const { label, values } of own) {
      const suffix = [...picks.map((pick) => pick.name.slice(pick.group.length + 1)), label].filter((part) => part !== '').join(',');
      const matrix = new Map([...picks.flatMap((pick) => [...pick.matrix]), ...values]);
      const body = substitute(withSources(withoutMatrix(stage.body), picks), { known: prefixed(matrix), allowed: [], environment: {} }, problems, ['vars.', 'env.']);
      if (body.kind === 'map') made.push({ ...stage, name: `${stage.name}@${suffix}`, body, matrix });
      if (made.length > MOST_CHILDREN) {
        problems.push(problem('P014', `the matrix of ${stage.name} has more than ${MOST_CHILDREN} combinations`, { location: stage.key, help: 'a sweep is made for that' }));
        return [];
      }
    }
  }
  return made;
}

interface Combination {
  readonly label: string;
  readonly values: ReadonlyMap<string, Located>;
}

function combinations(stage: RawStage, problems: Diagnostic[]): readonly Combination[] {
  const matrix = stage.body.members.get('matrix')?.value;
  if (!matrix) return [{ label: '', values: new Map() }];
  if (matrix.kind !== 'map') {
    problems.push(problem('P014', '`matrix` is a map of names to lists', { location: matrix.at }));
    return [];
  }
  let made: Combination[] = [{ label: '', values: new Map() }];
  for (const [name, { value, key }] of matrix.members) {
    if (value.kind !== 'list' || value.items.length === 0) {
      problems.push(problem('P014', `\`matrix.${name}\` needs a list of values`, { location: key }));
      return [];
    }
    const labels = value.items.map(labelOf);
    if (new Set(labels).size < labels.length) problems.push(problem('P014', `\`matrix.${name}\` names a value twice`, { location: key }));
    made = made.flatMap(({ label, values }) =>
      value.items.map((item, i) => ({ label: [label, labels[i] ?? ''].filter((part) => part !== '').join(','), values: new Map([...values, [name, item]]) })),
    );
  }
  return made;
}

/** What a child is called by its value: the scalar itself, or the first key of a map. */
function labelOf(node: Located): string {
  if (node.kind === 'scalar') return String(node.value).replace(/[\s/@.]/g, '_');
  if (node.kind === 'map') return [...node.members].map(([key, { value }]) => `${key}=${labelOf(value)}`).join('+');
  return node.items.map(labelOf).join('-');
}

function prefixed(values: ReadonlyMap<string, Located>): ReadonlyMap<string, Located> {
  return new Map([...values].map(([name, value]) => [`matrix.${name}`, value]));
}

function product<T>(groups: readonly (readonly T[])[]): readonly (readonly T[])[] {
  return groups.reduce<readonly (readonly T[])[]>((rows, group) => rows.flatMap((row) => group.map((item) => [...row, item])), [[]]);
}

function withoutMatrix(body: LocatedMap): LocatedMap {
  const members = new Map(body.members);
  members.delete('matrix');
  return { ...body, members };
}

/** `from: head` becomes `from: head@500` in the child for that pick. */
function withSources(body: LocatedMap, picks: readonly RawStage[]): LocatedMap {
  const from = body.members.get('from');
  if (!from || picks.length === 0) return body;
  const rename = (node: Located): Located => {
    if (node.kind === 'map') return { ...node, members: new Map([...node.members].map(([port, member]) => [port, { ...member, value: rename(member.value) }])) };
    if (node.kind !== 'scalar' || typeof node.value !== 'string') return node;
    const [name, ...artifact] = node.value.split('.');
    const pick = picks.find(({ group }) => group === name);
    return pick ? { ...node, value: [pick.name, ...artifact].join('.') } : node;
  };
  return { ...body, members: new Map([...body.members, ['from', { ...from, value: rename(from.value) }]]) };
}

/** The texts under `from:`, each with its port (empty for the short form). */
export function sourcesOf(stage: RawStage): readonly { readonly port: string; readonly text: string; readonly at: Located['at'] }[] {
  const from = stage.body.members.get('from')?.value;
  if (!from) return [];
  if (from.kind === 'scalar') return [{ port: '', text: String(from.value), at: from.at }];
  if (from.kind === 'list') return from.items.map((item) => ({ port: '', text: item.kind === 'scalar' ? String(item.value) : '', at: item.at }));
  return [...from.members].map(([port, { value }]) => ({ port, text: value.kind === 'scalar' ? String(value.value) : '', at: value.at }));
}

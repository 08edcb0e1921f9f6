/** `extends:` one file over another: maps merge deeply, lists and scalars replace, `null` removes. */
import { dirname, resolve } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { Located, LocatedMap } from './located.ts';
import { readYamlFile } from './read-yaml.ts';

export function readWithExtends(path: string, open: readonly string[] = []): Result<LocatedMap, readonly Diagnostic[]> {
  const file = readYamlFile(path);
  if (!file.ok) return file;
  const member = file.value.members.get('extends');
  if (!member) return file;
  const { value } = member;
  if (value.kind !== 'scalar' || typeof value.value !== 'string') {
    return err([problem('P011', '`extends` takes the path of another pipeline file', { location: value.at })]);
  }
  const base = resolve(dirname(path), value.value);
  if (base === path || open.includes(base)) {
    return err([problem('P011', `${[...open, path, base].map((name) => name.split('/').at(-1)).join(' extends ')}: the files extend each other`, { location: value.at })]);
  }
  const below = readWithExtends(base, [...open, path]);
  if (!below.ok) return err(below.error.map((diagnostic) => (diagnostic.location ? diagnostic : { ...diagnostic, location: value.at })));
  const own = new Map(file.value.members);
  own.delete('extends');
  return ok(overlay(below.value, { ...file.value, members: own }));
}

export function overlay(below: LocatedMap, above: LocatedMap): LocatedMap {
  const members = new Map(below.members);
  for (const [name, member] of above.members) {
    const under = members.get(name)?.value;
    if (isNull(member.value)) members.delete(name);
    else if (under?.kind === 'map' && member.value.kind === 'map') members.set(name, { ...member, value: overlay(under, member.value) });
    else members.set(name, { ...member, value: withoutNulls(member.value) });
  }
  return { ...above, members };
}

/** A `null` in a new map has nothing to remove, and means the same there: no such key. */
function withoutNulls(node: Located): Located {
  if (node.kind !== 'map') return node;
  const kept = [...node.members].filter(([, { value }]) => !isNull(value));
  return { ...node, members: new Map(kept.map(([name, member]) => [name, { ...member, value: withoutNulls(member.value) }])) };
}

function isNull(node: Located): boolean {
  return node.kind === 'scalar' && node.value === null;
}

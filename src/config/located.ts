/** A YAML value with, for every part, the place that it was written at. Survives substitution, overlays and overrides. */
import { dirname } from 'node:path';
import type { Location } from '../base/diagnostic.ts';
import type { Json } from '../base/json.ts';

export type Scalar = null | boolean | number | string;

export type Located =
  | { readonly kind: 'scalar'; readonly value: Scalar; readonly at: Location; readonly variable?: string }
  | { readonly kind: 'list'; readonly items: readonly Located[]; readonly at: Location }
  | LocatedMap;

export interface LocatedMap {
  readonly kind: 'map';
  readonly members: ReadonlyMap<string, Member>;
  readonly at: Location;
}

export interface Member {
  readonly key: Location;
  readonly value: Located;
}

export function plain(node: Located): Json {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(plain);
    case 'map':
      return Object.fromEntries([...node.members].map(([key, { value }]) => [key, plain(value)]));
  }
}

/** The part behind a pointer (`a/b/0`), as far as it goes. */
export function nodeAt(node: Located, pointer: string): Located | undefined {
  let current: Located | undefined = node;
  for (const part of pointer.split('/').filter((step) => step !== '')) {
    if (current?.kind === 'map') current = current.members.get(unescapePointer(part))?.value;
    else if (current?.kind === 'list') current = current.items[Number(part)];
    else return undefined;
  }
  return current;
}

/** JSON pointers write `~` as `~0` and `/` as `~1`. */
function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** A map with one member set; new members come last. */
export function withMember(map: LocatedMap, name: string, member: Member): LocatedMap {
  return { ...map, members: new Map([...map.members, [name, member]]) };
}

/** Every scalar replaced; the order of a walk is the file's. */
export function mapScalars(node: Located, change: (scalar: Extract<Located, { kind: 'scalar' }>) => Located): Located {
  switch (node.kind) {
    case 'scalar':
      return change(node);
    case 'list':
      return { ...node, items: node.items.map((item) => mapScalars(item, change)) };
    case 'map': {
      const members = [...node.members].map(([key, member]) => [key, { ...member, value: mapScalars(member.value, change) }] as const);
      return { ...node, members: new Map(members) };
    }
  }
}

export function scalarsOf(node: Located): readonly Extract<Located, { kind: 'scalar' }>[] {
  switch (node.kind) {
    case 'scalar':
      return [node];
    case 'list':
      return node.items.flatMap(scalarsOf);
    case 'map':
      return [...node.members.values()].flatMap(({ value }) => scalarsOf(value));
  }
}

/** The folder that relative paths of a value start from: that of the file which wrote it. */
export function folderOf(node: Located): string {
  return dirname(node.at.file);
}

/** A value that no file wrote, such as one of the command line. */
export function locatedJson(value: Json, at: Location): Located {
  if (Array.isArray(value)) return { kind: 'list', items: value.map((item) => locatedJson(item, at)), at };
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value).map(([key, item]) => [key, { key: at, value: locatedJson(item, at) }] as const);
    return { kind: 'map', members: new Map(members), at };
  }
  return { kind: 'scalar', value, at };
}

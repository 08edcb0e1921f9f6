/** The tree of a pipeline file: JSON values that know where they were written. Immutable. */
import type { Json } from '../base/json.ts';
import type { Place } from './source-text.ts';

export type Scalar = string | number | boolean | null;

export interface LocatedScalar {
  readonly type: 'scalar';
  readonly value: Scalar;
  readonly place: Place;
  /** Folder that a relative path in this value starts from, where it is not the one of `place`. */
  readonly folder?: string;
  /** Variables of the environment whose values are in here. */
  readonly environment?: readonly string[];
}

export interface LocatedList {
  readonly type: 'list';
  readonly items: readonly Located[];
  readonly place: Place;
}

export interface Member {
  /** Where the key stands. */
  readonly key: Place;
  readonly value: Located;
}

export interface LocatedMap {
  readonly type: 'map';
  readonly members: ReadonlyMap<string, Member>;
  readonly place: Place;
}

export type Located = LocatedScalar | LocatedList | LocatedMap;

/** The value as JSON. Keys become own members whatever they are called. */
export function jsonOf(node: Located): Json {
  if (node.type === 'scalar') return node.value;
  if (node.type === 'list') return node.items.map(jsonOf);
  return Object.fromEntries(Array.from(node.members, ([key, { value }]) => [key, jsonOf(value)]));
}

export function memberOf(node: Located | undefined, key: string): Located | undefined {
  return node?.type === 'map' ? node.members.get(key)?.value : undefined;
}

export function stringOf(node: Located | undefined): string | undefined {
  return node?.type === 'scalar' && typeof node.value === 'string' ? node.value : undefined;
}

/** The child under a key or index. */
export function childOf(node: Located, key: string): Located | undefined {
  if (node.type === 'map') return node.members.get(key)?.value;
  if (node.type === 'list' && /^(0|[1-9]\d*)$/.test(key)) return node.items[Number(key)];
  return undefined;
}

export function withMember(map: LocatedMap, key: string, member: Member | undefined): LocatedMap {
  const members = new Map(map.members);
  if (member) members.set(key, member);
  else members.delete(key);
  return { ...map, members };
}

/** Splits a pointer such as `train/csv`, with or without a leading `/`, into keys. */
export function pointerKeys(pointer: string): readonly string[] {
  const bare = pointer.startsWith('/') ? pointer.slice(1) : pointer;
  return bare === '' ? [] : bare.split('/').map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

export function pointerOf(keys: readonly string[]): string {
  return keys.map((key) => key.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
}

/** The value at a pointer, or the innermost one around it that exists. */
export function nearest(node: Located, keys: readonly string[]): Located {
  const [key, ...rest] = keys;
  if (key === undefined) return node;
  const child = childOf(node, key);
  return child ? nearest(child, rest) : node;
}

/** The key's place where the value at a pointer is a member of a map, else the value's. */
export function keyPlace(node: Located, keys: readonly string[]): Place {
  const parent = nearest(node, keys.slice(0, -1));
  const last = keys.at(-1);
  const member = parent.type === 'map' && last !== undefined ? parent.members.get(last) : undefined;
  return member?.key ?? nearest(node, keys).place;
}

/** Folder that a relative path at a node starts from. */
export function folderOf(node: Located): string {
  return (node.type === 'scalar' ? node.folder : undefined) ?? node.place.source.folder;
}

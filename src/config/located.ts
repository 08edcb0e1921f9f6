/** The tree of a pipeline file: JSON values that know where they were written. Immutable, so that anchors may share parts. */
import { isJsonArray, isJsonObject, type Json } from '../base/json.ts';
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

interface LocatedList {
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

/** Names that would reach the prototype of an object. No key of a pipeline may be called so. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** The value as JSON. */
export function jsonOf(node: Located): Json {
  if (node.type === 'scalar') return node.value;
  if (node.type === 'list') return node.items.map(jsonOf);
  return Object.fromEntries(Array.from(node.members, ([key, { value }]) => [key, jsonOf(value)]));
}

/** A JSON value all of which stands at one place. */
export function locatedAt(json: Json, place: Place): Located {
  if (isJsonArray(json)) return { type: 'list', items: json.map((item) => locatedAt(item, place)), place };
  if (!isJsonObject(json)) return { type: 'scalar', value: json, place };
  const members = Object.entries(json).map(
    ([name, value]) => [name, { key: place, value: locatedAt(value, place) }] as const,
  );
  return { type: 'map', members: new Map(members), place };
}

export function isNull(node: Located | undefined): boolean {
  return node?.type === 'scalar' && node.value === null;
}

export function memberOf(node: Located | undefined, key: string): Located | undefined {
  return node?.type === 'map' ? node.members.get(key)?.value : undefined;
}

export function textOf(node: Located | undefined): string | undefined {
  return node?.type === 'scalar' && typeof node.value === 'string' ? node.value : undefined;
}

/** The map with one member set, in its old place or last; or removed. */
export function withMember(map: LocatedMap, key: string, member: Member | undefined): LocatedMap {
  const members = new Map(map.members);
  if (member) members.set(key, member);
  else members.delete(key);
  return { ...map, members };
}

/** The keys of a pointer such as `train/csv`, with or without a leading `/`. */
export function keysOf(pointer: string): readonly string[] {
  const bare = pointer.startsWith('/') ? pointer.slice(1) : pointer;
  return bare === '' ? [] : bare.split('/').map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

export function pointerOf(keys: readonly string[]): string {
  return keys.map((key) => key.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
}

/** The value under some keys, or the innermost one around it that is written. */
export function nearestAt(node: Located, keys: readonly string[]): Located {
  const [key, ...rest] = keys;
  if (key === undefined) return node;
  const child = childOf(node, key);
  return child ? nearestAt(child, rest) : node;
}

function childOf(node: Located, key: string): Located | undefined {
  if (node.type === 'map') return node.members.get(key)?.value;
  if (node.type === 'list' && /^(0|[1-9]\d*)$/.test(key)) return node.items[Number(key)];
  return undefined;
}

/** Folder that a relative path at a node starts from. */
export function folderOf(node: Located): string {
  return (node.type === 'scalar' ? node.folder : undefined) ?? node.place.source.folder;
}

/** Every scalar below a node with its keys, in the order of the file. */
export function* scalarsOf(
  node: Located,
  keys: readonly string[] = [],
): Generator<{ readonly keys: readonly string[]; readonly scalar: LocatedScalar }> {
  if (node.type === 'scalar') yield { keys, scalar: node };
  else if (node.type === 'list')
    for (const [i, item] of node.items.entries()) yield* scalarsOf(item, [...keys, String(i)]);
  else for (const [key, { value }] of node.members) yield* scalarsOf(value, [...keys, key]);
}

/** Values from the environment: they come as texts, and must not be shown. */
import type { Json } from '../base/json.ts';
import { type Located, pointerOf, type Scalar, scalarsOf } from './located.ts';

/** By the variable's name, the later ones of one name with their pointer; and the names by pointer. */
export function environmentOf(settings: Located): {
  readonly values: ReadonlyMap<string, Json>;
  readonly pointers: ReadonlyMap<string, readonly string[]>;
} {
  const values = new Map<string, Json>();
  const pointers = new Map<string, readonly string[]>();
  if (!usesEnvironment(settings)) return { values, pointers };
  for (const { keys, scalar } of scalarsOf(settings)) {
    if (!scalar.environment) continue;
    const [name = ''] = scalar.environment;
    const pointer = pointerOf(keys);
    pointers.set(pointer, scalar.environment);
    if (values.get(name) !== scalar.value) values.set(values.has(name) ? `${name} (${pointer})` : name, scalar.value);
  }
  return { values, pointers };
}

function usesEnvironment(node: Located): boolean {
  if (node.type === 'scalar') return node.environment !== undefined;
  if (node.type === 'list') return node.items.some(usesEnvironment);
  for (const { value } of node.members.values()) if (usesEnvironment(value)) return true;
  return false;
}

/** A tree in which texts that are nothing but a value of the environment, and read as a number or boolean, are that. */
export function withTypedEnvironment(node: Located): Located {
  if (node.type === 'scalar') {
    const value = node.environment && typeof node.value === 'string' ? typed(node.value) : node.value;
    return value === node.value ? node : { ...node, value };
  }
  if (node.type === 'list') return { ...node, items: node.items.map(withTypedEnvironment) };
  return {
    ...node,
    members: new Map(
      [...node.members].map(([key, member]) => [key, { ...member, value: withTypedEnvironment(member.value) }]),
    ),
  };
}

function typed(text: string): Scalar {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.trim() === text && text !== '' && String(Number(text)) === text && Number.isFinite(Number(text))
    ? Number(text)
    : text;
}

/**
 * Reads params that a schema has accepted, with the default of what is absent. A value of another type than asked for means
 * that schema and reader disagree, which is a bug and throws.
 */
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';

/** The members of `given`; none where it is not a map. */
export function membersOf(given: Json | undefined): JsonObject {
  return isJsonObject(given) ? given : {};
}

export function numberIn(given: JsonObject, key: string, fallback: number): number {
  const value = given[key] ?? fallback;
  return typeof value === 'number' ? value : disagree(key, value);
}

export function booleanIn(given: JsonObject, key: string, fallback: boolean): boolean {
  const value = given[key] ?? fallback;
  return typeof value === 'boolean' ? value : disagree(key, value);
}

export function textIn(given: JsonObject, key: string, fallback: string): string {
  const value = given[key] ?? fallback;
  return typeof value === 'string' ? value : disagree(key, value);
}

/** One of a fixed set of words. */
export function choiceIn<T extends string>(given: JsonObject, key: string, choices: readonly T[], fallback: T): T {
  const value = given[key] ?? fallback;
  return choices.find((choice) => choice === value) ?? disagree(key, value);
}

/** A list; `fallback` where it is absent. */
export function listIn(given: JsonObject, key: string, fallback: readonly Json[]): readonly Json[] {
  const value = given[key] ?? fallback;
  return Array.isArray(value) ? value : disagree(key, value);
}

/** `word` or `{word: settings}`: the word and the settings, `undefined` where there are none. */
export function wordWithSettings(given: Json): readonly [word: string, settings: Json | undefined] {
  if (typeof given === 'string') return [given, undefined];
  const [entry, ...others] = Object.entries(membersOf(given));
  return entry && others.length === 0 ? entry : disagree('a word or a map with one key', given);
}

function disagree(what: string, value: Json): never {
  throw new TypeError(`the schema let through ${what}: ${JSON.stringify(value)}`);
}

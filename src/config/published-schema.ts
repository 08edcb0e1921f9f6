/** The schemas that ship in `schemas/`, read where a refused value has to be explained. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { packageRoot } from '../files/package-root.ts';

/** Editors see files before substitution: there each value may also be a text with a placeholder. */
const SUBSTITUTION = '#/definitions/substitution';

/** The whole published schema. */
export function publishedSchema(): JsonObject {
  const schema: Json = JSON.parse(readFileSync(join(packageRoot(), 'schemas', 'pipeline.schema.json'), 'utf8'));
  if (!isJsonObject(schema)) throw new Error('schemas/pipeline.schema.json is not a schema');
  return schema;
}

/** The schema of a kind's settings after substitution; undefined for kinds that are not built in. */
export function publishedSettings(kind: string): JsonObject | undefined {
  const definitions = publishedSchema()['definitions'];
  const settings = isJsonObject(definitions) && Object.hasOwn(definitions, kind) ? definitions[kind] : undefined;
  const plain = settings === undefined ? undefined : withoutSubstitution(settings);
  return isJsonObject(plain) ? plain : undefined;
}

/**
 * What a shorthand stands for: the one required member of the map that the setting takes instead of this scalar, such as
 * `units` of `dense: 500`. Undefined where there is no such map.
 */
export function shorthandMember(schema: Json, keys: readonly string[]): string | undefined {
  const members = schemasAt(schema, keys).flatMap(({ type, required = [] }) =>
    type === 'object' && isJsonArray(required) && required.length === 1 ? required : [],
  );
  const [member, another] = members;
  return another === undefined && typeof member === 'string' ? member : undefined;
}

/** The schemas that a value under some keys may follow, through unions. */
function schemasAt(schema: Json | undefined, keys: readonly string[]): readonly JsonObject[] {
  if (!isJsonObject(schema)) return [];
  const union = schema['anyOf'] ?? schema['oneOf'] ?? [];
  const branches = isJsonArray(union) ? union.flatMap((branch) => schemasAt(branch, keys)) : [];
  const [key, ...rest] = keys;
  if (key === undefined) return [schema, ...branches];
  const properties = schema['properties'];
  const member = isJsonObject(properties) && Object.hasOwn(properties, key) ? properties[key] : undefined;
  const item = /^\d+$/.test(key) ? schema['items'] : undefined;
  return [...schemasAt(member, rest), ...schemasAt(item, rest), ...branches];
}

/** Lets every value that is no free text also be one with a placeholder. */
export function withSubstitution(schema: Json): Json {
  if (!isJsonObject(schema)) return schema;
  const changed = Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => [keyword, inKeyword(keyword, value)]),
  );
  return changed;
}

function inKeyword(keyword: string, value: Json): Json {
  if (keyword === 'properties' && isJsonObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, property]) => [key, openToText(property)]));
  if (keyword === 'additionalProperties' || keyword === 'items')
    return isJsonArray(value) ? value.map(openToText) : openToText(value);
  if ((keyword === 'anyOf' || keyword === 'oneOf') && isJsonArray(value)) return value.map(withSubstitution);
  return value;
}

function openToText(schema: Json): Json {
  const inner = withSubstitution(schema);
  if (!isJsonObject(inner) || takesText(inner)) return inner;
  const placeholder = { $ref: SUBSTITUTION };
  const { description, default: standard, anyOf, ...rest } = inner;
  const annotations = {
    ...(description !== undefined && { description }),
    ...(standard !== undefined && { default: standard }),
  };
  if (anyOf !== undefined && isJsonArray(anyOf)) return { ...rest, ...annotations, anyOf: [...anyOf, placeholder] };
  return { ...annotations, anyOf: [rest, placeholder] };
}

/** Whether a placeholder is allowed already, or is not needed: whole maps are hardly ever one. */
function takesText(schema: JsonObject): boolean {
  const { type, anyOf, oneOf } = schema;
  const union = anyOf ?? oneOf;
  if (union !== undefined && isJsonArray(union))
    return union.some((branch) => isJsonObject(branch) && branch['type'] === 'string' && takesText(branch));
  if (type === 'object' || schema['$ref'] !== undefined) return true;
  if (type === 'string')
    return schema['enum'] === undefined && schema['const'] === undefined && schema['pattern'] === undefined;
  return type === undefined && schema['enum'] === undefined && schema['const'] === undefined;
}

function withoutSubstitution(schema: Json): Json {
  if (isJsonArray(schema)) return schema.map(withoutSubstitution);
  if (!isJsonObject(schema)) return schema;
  const plain: JsonObject = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, withoutSubstitution(value)]),
  );
  const { anyOf, ...rest } = plain;
  if (anyOf === undefined || !isJsonArray(anyOf)) return plain;
  const branches = anyOf.filter((branch) => !(isJsonObject(branch) && branch['$ref'] === SUBSTITUTION));
  const [only, another] = branches;
  if (branches.length === anyOf.length || another !== undefined) return { ...rest, anyOf: branches };
  return isJsonObject(only) ? { ...only, ...rest } : rest;
}

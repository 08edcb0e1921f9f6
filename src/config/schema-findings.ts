/**
 * What is wrong with a value by its schema, one finding a fault. ajv reports every branch of a union; what the author meant
 * is the branch that got furthest, the others only say that it is none of them.
 */
import { createRequire } from 'node:module';
import type { ErrorObject } from 'ajv';
import type { Json, JsonObject } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import { keysOf } from './located.ts';

export type Finding = { readonly keys: readonly string[]; readonly description: string | undefined } & (
  | { readonly fault: 'unknown-key'; readonly key: string; readonly known: readonly string[] }
  | { readonly fault: 'bad-name'; readonly key: string }
  | { readonly fault: 'missing'; readonly key: string }
  /** Keys of a union of which there may be one. */
  | { readonly fault: 'exclusive'; readonly given: readonly string[] }
  | {
      readonly fault: 'value';
      readonly allowed: readonly Json[] /** JSON types that were possible too. */;
      readonly orTypes: readonly string[];
    }
  | { readonly fault: 'type'; readonly expected: readonly string[] }
  | { readonly fault: 'range'; readonly rule: string }
);

/** Checks a value again, with ajv itself, which knows why. Only for values that a validator has refused: ajv is heavy. */
export function findingsOf(schema: JsonObject, value: Json): readonly Finding[] {
  const require = createRequire(import.meta.url);
  const Ajv: typeof import('ajv').default = require('ajv').default;
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false });
  const validate = ajv.compile(schema);
  if (validate(value))
    throw new Error(
      'a value was refused by the generated validator, but the schema accepts it: the validators are out of date',
    );
  return simplify(validate.errors ?? []);
}

function simplify(errors: readonly ErrorObject[]): readonly Finding[] {
  const unions = errors
    .filter(isUnion)
    .filter((union, _, all) => !all.some((outer) => outer !== union && branchOf(union, outer) !== undefined));
  const alone = errors.filter(
    (error) => !isUnion(error) && !unions.some((union) => branchOf(error, union) !== undefined),
  );
  return [...alone.flatMap(findingOf), ...unions.flatMap((union) => unionFindings(union, errors))];
}

function isUnion({ keyword }: ErrorObject): boolean {
  return keyword === 'anyOf' || keyword === 'oneOf';
}

/** Which branch of a union an error comes from. */
function branchOf(error: ErrorObject, union: ErrorObject): string | undefined {
  const prefix = `${union.schemaPath}/`;
  if (!error.schemaPath.startsWith(prefix) || !error.instancePath.startsWith(union.instancePath)) return undefined;
  return error.schemaPath.slice(prefix.length).split('/')[0];
}

function unionFindings(union: ErrorObject, errors: readonly ErrorObject[]): readonly Finding[] {
  const groups = new Map<string, ErrorObject[]>();
  for (const error of errors) {
    const branch = branchOf(error, union);
    if (branch !== undefined) groups.set(branch, [...(groups.get(branch) ?? []), error]);
  }
  const keys = keysOf(union.instancePath);
  const branches = [...groups.values()].map(simplify);
  const here = (finding: Finding) => finding.keys.length === keys.length;
  const fewestFirst = [...branches].sort((a, b) => a.length - b.length);
  // A branch whose every fault lies deeper was meant; so was one that has the right type but a value out of range.
  const meant = fewestFirst.find((branch) => branch.every((finding) => !here(finding) || finding.fault === 'range'));
  if (meant) return meant;
  const fitting = fewestFirst.filter(
    (branch) => !branch.some((finding) => here(finding) && (finding.fault === 'type' || finding.fault === 'value')),
  );
  const best = fitting.filter((branch) => branch.length === fitting[0]?.length);
  if (best.length === 1 && best[0]) return best[0];
  const description = descriptionOf(union);
  if (best.length > 1) return mergeMaps(best.flat(), keys, description);
  return mergeScalars(branches.flat().filter(here), keys, description);
}

/** Several map branches, none of which fits better: mostly `{ adam: … }` or `{ sgd: … }`. */
function mergeMaps(
  findings: readonly Finding[],
  keys: readonly string[],
  description: string | undefined,
): readonly Finding[] {
  const unknown = findings.filter((finding) => finding.fault === 'unknown-key');
  const known = [
    ...new Set([
      ...unknown.flatMap((finding) => finding.known),
      ...findings.flatMap((finding) => (finding.fault === 'missing' ? [finding.key] : [])),
    ]),
  ];
  const strangers = [...new Set(unknown.map(({ key }) => key))];
  const foreign = strangers.filter((key) => !known.includes(key));
  if (foreign.length > 0) return foreign.map((key) => ({ keys, description, fault: 'unknown-key', key, known }));
  if (strangers.length > 0) return [{ keys, description, fault: 'exclusive', given: strangers }];
  const missing = findings.filter((finding) => finding.fault === 'missing');
  return missing.length > 0
    ? [{ keys, description, fault: 'missing', key: [...new Set(missing.map(({ key }) => key))].join('" or "') }]
    : findings.slice(0, 1);
}

function mergeScalars(
  findings: readonly Finding[],
  keys: readonly string[],
  description: string | undefined,
): readonly Finding[] {
  const allowed = [...new Set(findings.flatMap((finding) => (finding.fault === 'value' ? finding.allowed : [])))];
  const types = [...new Set(findings.flatMap((finding) => (finding.fault === 'type' ? finding.expected : [])))];
  const found: Finding =
    allowed.length > 0
      ? { keys, description, fault: 'value', allowed, orTypes: types }
      : { keys, description, fault: 'type', expected: types };
  return [found];
}

function findingOf(error: ErrorObject): readonly Finding[] {
  const at = { keys: keysOf(error.instancePath), description: descriptionOf(error) };
  const params: Readonly<Record<string, unknown>> = error.params;
  const number = (key: string) => String(params[key]);
  const range = (rule: string): readonly Finding[] => [{ ...at, fault: 'range', rule }];
  // `propertyNames` reports the name's own fault first, then itself.
  if (error.propertyName !== undefined) return [];
  switch (error.keyword) {
    case 'if':
      return [];
    case 'propertyNames':
      return [{ ...at, fault: 'bad-name', key: String(params['propertyName']) }];
    case 'additionalProperties':
      return [
        {
          ...at,
          fault: 'unknown-key',
          key: String(params['additionalProperty']),
          known: propertiesOf(error.parentSchema),
        },
      ];
    case 'required':
      return [
        {
          ...at,
          fault: 'missing',
          key: String(params['missingProperty']),
          description: propertyDescription(error.parentSchema, String(params['missingProperty'])),
        },
      ];
    case 'enum':
      return [{ ...at, fault: 'value', allowed: jsonList(params['allowedValues']), orTypes: [] }];
    case 'const':
      return [{ ...at, fault: 'value', allowed: jsonList([params['allowedValue']]), orTypes: [] }];
    case 'type':
      return [
        {
          ...at,
          fault: 'type',
          expected: jsonList(Array.isArray(params['type']) ? params['type'] : [params['type']]).map(String),
        },
      ];
    case 'minimum':
      return range(`must be at least ${number('limit')}`);
    case 'exclusiveMinimum':
      return range(`must be more than ${number('limit')}`);
    case 'maximum':
      return range(`must be at most ${number('limit')}`);
    case 'exclusiveMaximum':
      return range(`must be less than ${number('limit')}`);
    case 'minItems':
      return range(params['limit'] === 1 ? 'must not be empty' : `must have at least ${number('limit')} items`);
    case 'maxItems':
      return range(`must have at most ${number('limit')} items`);
    case 'minLength':
    case 'minProperties':
      return range('must not be empty');
    case 'maxLength':
      return range(`must have at most ${number('limit')} characters`);
    case 'pattern':
      return range('does not have the right form');
    default:
      return range(error.message ?? 'is not allowed');
  }
}

function jsonList(values: unknown): readonly Json[] {
  const list: readonly Json[] = JSON.parse(JSON.stringify(Array.isArray(values) ? values : []));
  return list;
}

function descriptionOf({ parentSchema }: ErrorObject): string | undefined {
  const description: unknown = parentSchema?.['description'];
  return typeof description === 'string' ? description : undefined;
}

function propertiesOf(schema: unknown): readonly string[] {
  const properties = isJsonObject(schema) ? schema['properties'] : undefined;
  return isJsonObject(properties) ? Object.keys(properties) : [];
}

function propertyDescription(schema: unknown, key: string): string | undefined {
  const properties = isJsonObject(schema) ? schema['properties'] : undefined;
  const property = isJsonObject(properties) ? properties[key] : undefined;
  const description = isJsonObject(property) ? property['description'] : undefined;
  return typeof description === 'string' ? description : undefined;
}

/** ajv's errors as diagnostics: one a fault, at the offending key or value, with what was expected and a way out. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean, nearest } from './did-you-mean.ts';
import { type Located, nodeAt } from './located.ts';
import type { SchemaError, Validator } from './validators.generated.js';

export interface SchemaContext {
  /** `stage head (train-head)`, to start a sentence with. */
  readonly what: string;
  /** Keys of every stage's settings, for the hint that a key belongs elsewhere. */
  readonly keysElsewhere: ReadonlyMap<string, readonly string[]>;
}

export function schemaProblems(validator: Validator, value: unknown, node: Located, context: SchemaContext): readonly Diagnostic[] {
  if (validator(value)) return [];
  return mostTelling(validator.errors ?? []).map((error) => describe(error, node, context));
}

/**
 * Of the errors of a union the branch that got furthest is what the author meant; the others only say that it is not
 * another branch. Errors at one place are folded into one.
 */
function mostTelling(errors: readonly SchemaError[]): readonly SchemaError[] {
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf').map(({ instancePath }) => instancePath);
  const leaves = errors.filter(({ keyword }) => !['anyOf', 'oneOf', 'if', 'not'].includes(keyword));
  const kept = leaves.filter((error) => {
    const union = unions.find((path) => error.instancePath.startsWith(path));
    if (union === undefined) return true;
    const inUnion = leaves.filter(({ instancePath }) => instancePath.startsWith(union));
    const deepest = Math.max(...inUnion.map(({ instancePath }) => instancePath.length));
    return error.instancePath.length === deepest;
  });
  const byPlace = new Map<string, SchemaError[]>();
  for (const error of kept) {
    const key = `${error.instancePath} ${error.keyword === 'additionalProperties' ? String(error.params['additionalProperty']) : ''}`;
    byPlace.set(key, [...(byPlace.get(key) ?? []), error]);
  }
  return [...byPlace.values()].map(fold);
}

/** Several complaints at one place: lists of allowed values and types are joined. */
function fold(errors: readonly SchemaError[]): SchemaError {
  const [first] = errors;
  if (!first) throw new Error('no error to fold');
  const choices = errors.filter(({ keyword }) => keyword === 'enum' || keyword === 'const').flatMap(allowedOf);
  if (choices.length > 0 && typeof first.data !== 'object') return { ...first, keyword: 'enum', params: { allowedValues: [...new Set(choices)] } };
  const unknown = errors.filter(({ keyword }) => keyword === 'additionalProperties');
  if (unknown.length > 0) {
    // In a union of one-key maps (`dense: …` or `dropout: …`) every branch refuses the key: all their keys were possible.
    const properties = Object.assign({}, ...unknown.map(({ parentSchema }) => parentSchema?.properties ?? {}));
    return { ...(unknown[0] ?? first), parentSchema: { properties } };
  }
  const required = errors.filter(({ keyword }) => keyword === 'required');
  if (required.length > 1) return { ...first, params: { missingProperty: [...new Set(required.map(({ params }) => String(params['missingProperty'])))].join(' or ') } };
  const types = errors.filter(({ keyword }) => keyword === 'type').map(({ params }) => String(params['type']));
  if (types.length > 1) return { ...first, keyword: 'type', params: { type: [...new Set(types)].join(' or ') } };
  return first;
}

function allowedOf({ params }: SchemaError): readonly string[] {
  const values = params['allowedValues'] ?? [params['allowedValue']];
  return Array.isArray(values) ? values.map(String) : [];
}

function describe(error: SchemaError, root: Located, context: SchemaContext): Diagnostic {
  const node = nodeAt(root, error.instancePath);
  const at = { location: node?.at ?? root.at };
  const name = error.instancePath.split('/').slice(1).join('.');
  const subject = name === '' ? context.what : `${context.what}: ${name}`;
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(error.params['additionalProperty']);
      const known = Object.keys(error.parentSchema?.properties ?? {});
      const location = (node?.kind === 'map' && node.members.get(key)?.key) || at.location;
      const elsewhere = context.keysElsewhere.get(key);
      const close = nearest(key, known).length > 0 ? didYouMean(key, known) : undefined;
      const moved = elsewhere?.length ? `"${key}" is a setting of ${elsewhere.join(', ')}` : undefined;
      return problem('P020', `${subject}: unknown key "${key}"`, { location, help: close ?? moved ?? `known keys: ${known.join(', ')}` });
    }
    case 'required':
      return problem('P021', `${subject}: "${String(error.params['missingProperty'])}" is missing`, { ...at, help: error.parentSchema?.description });
    case 'enum':
    case 'const': {
      const allowed = allowedOf(error);
      return problem('P022', `${subject}: unknown value ${show(error.data)}`, { ...at, help: [didYouMean(String(error.data), allowed), `expected one of: ${allowed.join(', ')}`].filter(Boolean).join('; ') });
    }
    case 'type':
      return problem('P023', `${subject}: expected ${article(String(error.params['type']))}, found ${show(error.data)}`, { ...at, help: error.parentSchema?.description });
    default:
      return problem('P024', `${subject}: ${show(error.data)} ${error.message ?? 'is not allowed'}`, { ...at, help: error.parentSchema?.description });
  }
}

const WORDS: Readonly<Record<string, string>> = { object: 'map', array: 'list', integer: 'whole number', string: 'text' };

function article(types: string): string {
  return types.split(/,| or /).map((type) => WORDS[type.trim()] ?? type.trim()).map((type) => `a ${type}`).join(' or ');
}

function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  const text = typeof value === 'string' ? `"${value}"` : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

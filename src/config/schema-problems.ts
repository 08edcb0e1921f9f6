/** Faults of a value as diagnostics: at the offending key or value, with what was expected, what was found and the way out. */
import { type Diagnostic, type DiagnosticCode, problem } from '../base/diagnostic.ts';
import { didYouMean, nearest } from '../base/did-you-mean.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { jsonOf, keysOf, type Located, type LocatedScalar, nearestAt, pointerOf, textOf } from './located.ts';
import { type Finding, findingsOf } from './schema-findings.ts';
import { locate, type Place } from './source-text.ts';

export interface SchemaContext {
  /** `head (train-head)`, to start a sentence with; empty for the file itself. */
  readonly what: string;
  readonly kind: string;
  /** Where a key that is unknown here belongs, in words. */
  readonly belongs: (key: string, keys: readonly string[]) => string | undefined;
}

/** What is wrong with a value that a validator has refused. */
export function schemaProblems(schema: JsonObject, node: Located, context: SchemaContext): readonly Diagnostic[] {
  const findings = findingsOf(schema, jsonOf(node));
  const typos = findings
    .filter((finding) => finding.fault === 'unknown-key')
    .map((finding) => typoOf(finding, findings));
  // A key that is there with a typing error is not missing as well.
  const told = findings.filter(
    (finding) => finding.fault !== 'missing' || !typos.includes(pointerOf([...finding.keys, finding.key])),
  );
  return told.map((finding) => describe(finding, node, context, findings));
}

/** The pointer of a missing key that an unknown one beside it was probably meant to be. */
function typoOf(unknown: UnknownKey, findings: readonly Finding[]): string | undefined {
  const missing = findings.flatMap((finding) =>
    finding.fault === 'missing' && pointerOf(finding.keys) === pointerOf(unknown.keys) ? [finding.key] : [],
  );
  const meant = nearest(unknown.key, unknown.known).find((name) => missing.includes(name));
  return meant && pointerOf([...unknown.keys, meant]);
}

type UnknownKey = Extract<Finding, { fault: 'unknown-key' }>;

function describe(finding: Finding, root: Located, context: SchemaContext, all: readonly Finding[]): Diagnostic {
  const node = nearestAt(root, finding.keys);
  const path = finding.keys.join('.');
  const about = [context.what, path].filter((part) => part !== '').join(': ');
  const subject = about === '' ? '' : `${about}: `;
  const make = (code: DiagnosticCode, message: string, place: Place, help: string | undefined) =>
    problem(code, subject + message, { location: locate(place), help });
  switch (finding.fault) {
    case 'unknown-key': {
      const typo = typoOf(finding, all);
      const known = finding.known.length > 0 ? `known keys: ${finding.known.join(', ')}` : undefined;
      const help =
        (typo ? `did you mean "${keysOf(typo).at(-1)}"?` : didYouMean(finding.key, finding.known)) ??
        context.belongs(finding.key, finding.keys) ??
        known;
      return make('P013', `unknown key "${finding.key}"`, keyPlace(node, finding.key), help);
    }
    case 'bad-name':
      return make(
        'P028',
        `a stage cannot be called "${finding.key}"`,
        keyPlace(node, finding.key),
        'letters, digits, `-` and `_`, starting with a letter; not vars, env or seed',
      );
    case 'missing':
      return make('P015', `"${finding.key}" is missing`, node.place, finding.description);
    case 'exclusive':
      return make(
        'P016',
        `there may be only one of ${finding.given.join(', ')}`,
        node.place,
        'remove the others; where a file that is extended wrote one, set it to null',
      );
    case 'value':
      return make('P012', unknownValue(node), node.place, allowedValues(node, finding));
    case 'type':
      if (context.kind === 'exec' && finding.keys[0] === 'command' && textOf(node) !== undefined)
        return shellString(textOf(node) ?? '', node.place, subject);
      return make(
        'P014',
        `expected ${finding.expected.map(typeInWords).join(' or ')}, found ${show(node)}`,
        node.place,
        typeHelp(node, finding),
      );
    case 'range':
      return make('P016', `${show(node)} ${finding.rule}`, node.place, finding.description);
  }
}

/** The key itself, not the map that it stands in: ajv names the parent. */
function keyPlace(node: Located, key: string): Place {
  return (node.type === 'map' ? node.members.get(key)?.key : undefined) ?? node.place;
}

function unknownValue(node: Located): string {
  return node.type === 'scalar' && node.value !== null
    ? `${show(node)} is not one of the values that it takes`
    : `found ${show(node)}`;
}

function allowedValues(node: Located, { allowed, orTypes }: Extract<Finding, { fault: 'value' }>): string {
  const words = allowed.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  const types = orTypes.filter((type) => type !== 'string').map(typeInWords);
  const all = `one of ${words.join(', ')}${types.length > 0 ? `, or ${types.join(' or ')}` : ''}`;
  const close = didYouMean(textOf(node) ?? '', words);
  return close ? `${close} It takes ${all}` : `it takes ${all}`;
}

function typeHelp(node: Located, { expected, description }: Extract<Finding, { fault: 'type' }>): string | undefined {
  const text = textOf(node);
  const takes = (type: string) => expected.includes(type);
  if (text !== undefined && takes('boolean') && /^(yes|no|on|off|y|n)$/i.test(text))
    return `in YAML 1.2 ${text} is a text; write ${/^(yes|on|y)$/i.test(text) ? 'true' : 'false'}`;
  if (text !== undefined && (takes('number') || takes('integer')) && /^[-+]?[\d_,]+(\.\d+)?$/.test(text))
    return `"${text}" is a text; write ${text.replace(/[_,]/g, '')}`;
  if (takes('string') && node.type === 'scalar' && typeof node.value === 'number')
    return [description, `put it in quotes if it is a text: "${node.value}"`].filter(Boolean).join(' ');
  return description;
}

/** Commands are lists; the list that the author probably meant, split where a shell would split at blanks. */
function shellString(text: string, place: Place, subject: string): Diagnostic {
  const words = [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
  const list = `command: [${words.map((word) => (/^[\w./-]+$/.test(word) ? word : JSON.stringify(word))).join(', ')}]`;
  const shell = /[|&;<>$`*?]/.test(text) ? ' (no shell reads it: | > && and * are plain characters)' : '';
  return problem('P031', `${subject}a command is a list of words, not one text`, {
    location: locate(place),
    help: `write \`${list}\`${shell}`,
  });
}

const WORDS: Readonly<Record<string, string>> = {
  object: 'a map',
  array: 'a list',
  integer: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  null: 'nothing',
};

function typeInWords(type: string): string {
  return WORDS[type] ?? type;
}

function show(node: Located): string {
  if (node.type !== 'scalar') return node.type === 'list' ? 'a list' : 'a map';
  return showScalar(node);
}

function showScalar({ value, environment }: LocatedScalar): string {
  if (environment) return `the value of ${environment.map((name) => `$${name}`).join(', ')}`;
  if (value === null) return 'nothing';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Where a key stands in a schema, as the path of keys to it. */
export function pathOfKey(
  schema: Json | undefined,
  key: string,
  path: readonly string[] = [],
): readonly string[] | undefined {
  if (!isJsonObject(schema)) return undefined;
  const properties = schema['properties'];
  if (isJsonObject(properties)) {
    if (Object.hasOwn(properties, key)) return [...path, key];
    for (const [name, property] of Object.entries(properties)) {
      const found = pathOfKey(property, key, [...path, name]);
      if (found) return found;
    }
  }
  for (const keyword of ['anyOf', 'oneOf']) {
    const branches = schema[keyword] ?? [];
    for (const branch of isJsonArray(branches) ? branches : []) {
      const found = pathOfKey(branch, key, path);
      if (found) return found;
    }
  }
  return pathOfKey(schema['items'], key, path.length > 0 ? [...path.slice(0, -1), `${path.at(-1)}[]`] : path);
}

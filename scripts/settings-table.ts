/** Settings as rows of a Markdown table, from their JSON Schema. */
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../src/base/json.ts';

/** One row. `path` is dotted, with `[]` for the items of a list. */
export interface Setting {
  readonly path: string;
  readonly takes: string;
  readonly fallback: string;
  readonly meaning: string;
}

/** The settings of a map and, below each, those inside it. */
export function settingsOf(schema: JsonObject, above = ''): readonly Setting[] {
  const required = listOf(schema['required']);
  const rows = Object.entries(objectOf(schema['properties'])).flatMap(([name, value]) => {
    const member = objectOf(value);
    const path = above === '' ? name : `${above}.${name}`;
    return [settingOf(member, path, required.includes(name)), ...settingsWithin(member, path)];
  });
  return merged(rows);
}

/** The settings inside the value of a setting. */
export function settingsWithin(schema: JsonObject, path: string): readonly Setting[] {
  const choices = listOf(schema['anyOf']).map(objectOf);
  if (choices.length > 0) {
    return merged(choices.flatMap((choice) => settingsWithin(withoutNeed(choice), path)));
  }
  if (schema['type'] === 'array' && !isJsonArray(schema['items'] ?? null))
    return settingsWithin(objectOf(schema['items']), `${path}[]`);
  return settingsOf(schema, path);
}

/** Where `{ adam: … }` is one choice of several, `adam` is not a key that must be there. */
function withoutNeed(choice: JsonObject): JsonObject {
  return Object.keys(objectOf(choice['properties'])).length === 1 ? { ...choice, required: [] } : choice;
}

/** Several choices may bring a setting of one name: the first that says something about it counts. */
function merged(rows: readonly Setting[]): readonly Setting[] {
  const byPath = new Map<string, Setting>();
  for (const row of rows) if ((byPath.get(row.path)?.meaning ?? '') === '') byPath.set(row.path, row);
  return [...byPath.values()];
}

function settingOf(member: JsonObject, path: string, required: boolean): Setting {
  const fallback = member['default'];
  const choices = listOf(member['anyOf']).map((choice) => choiceWords(objectOf(choice)));
  return {
    path,
    takes: takes(member),
    fallback: fallback !== undefined ? `\`${JSON.stringify(fallback)}\`` : required ? 'required' : '',
    meaning: [...new Set([textOf(member['description']), ...choices])].filter(Boolean).join(' '),
  };
}

/** What is said about a text that a setting takes; maps have rows of their own. */
function choiceWords({ type, const: constant, description }: JsonObject): string {
  if (type !== 'string' || description === undefined) return '';
  return constant === undefined ? textOf(description) : `${code(constant)}: ${textOf(description)}`;
}

export function settingsTable(rows: readonly Setting[]): string {
  if (rows.length === 0) return 'No settings.';
  return table(
    ['setting', 'takes', 'default', 'meaning'],
    rows.map(({ path, takes: values, fallback, meaning }) => [`\`${path}\``, values, fallback, meaning]),
  );
}

/** What a setting takes, in words. */
function takes(schema: JsonObject): string {
  const { type, const: constant, anyOf, items } = schema;
  if (constant !== undefined) return code(constant);
  if ('enum' in schema) return listOf(schema['enum']).map(code).join(', ');
  if (anyOf !== undefined)
    return [...new Set(listOf(anyOf).map((choice) => takes(objectOf(choice))))].filter(Boolean).join(' or ');
  if (type === 'array') return listText(schema, items);
  if (type === 'object') return 'map';
  if (type === 'string') return 'text';
  return [type === 'integer' ? 'whole number' : textOf(type), range(schema)].filter(Boolean).join(' ');
}

/** A tuple's items are a list, one schema each, and alike. */
function listText({ minItems, maxItems }: JsonObject, items: Json | undefined): string {
  const each = listOf(items);
  const count = each.length > 0 ? each.length : minItems === maxItems ? minItems : undefined;
  const inner = (takes(objectOf(each[0] ?? items)) || 'value').replace(
    /^(whole number|number|text|map|value)(?=$| [^o])/,
    '$1s',
  );
  const shown = inner.includes(' or ') || inner.includes(', ') ? `(${inner})` : inner;
  return typeof count === 'number' ? `list of ${count} ${shown}` : `list of ${shown}`;
}

/** `0 to 1`, `≥ 1`, `> 0 to 4`, `≥ 0, < 1`. */
function range({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: JsonObject): string {
  const low = minimum !== undefined ? { sign: '≥', value: minimum } : { sign: '>', value: exclusiveMinimum };
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const lower = low.value === undefined ? '' : `${low.sign} ${textOrNumber(low.value)}`;
  if (low.sign === '≥' && lower !== '' && most !== undefined)
    return `${textOrNumber(low.value)} to ${textOrNumber(most)}`;
  const upper =
    most !== undefined
      ? `≤ ${textOrNumber(most)}`
      : exclusiveMaximum !== undefined
        ? `< ${textOrNumber(exclusiveMaximum)}`
        : '';
  return [lower, upper].filter(Boolean).join(', ');
}

function textOrNumber(value: Json | undefined): string {
  return typeof value === 'number' ? String(value) : textOf(value);
}

function code(value: Json): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

/** A table of GitHub's Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

export function objectOf(value: Json | undefined): JsonObject {
  return value !== undefined && isJsonObject(value) ? value : {};
}

function listOf(value: Json | undefined): readonly Json[] {
  return value !== undefined && isJsonArray(value) ? value : [];
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

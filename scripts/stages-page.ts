/** `docs/stages.md`: what each stage kind reads, gives, takes and does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../src/base/json.ts';
import { stageKinds } from '../src/stages/index.ts';
import type { StageKind } from '../src/stages/stage-kind.ts';
import { allSchemas } from './generate-schemas.ts';
import { objectOf, type Setting, settingsOf, settingsTable, settingsWithin, table } from './settings-table.ts';

const schemas: ReadonlyMap<string, JsonObject> = new Map(allSchemas());

/** The parts of the page below its title. */
export function stagesPage(root: string): readonly string[] {
  const kinds = [...stageKinds.values()];
  const groups = sharedGroups(kinds.flatMap(groupsOf));
  return [
    'What a stage reads comes through `from`, its settings stand under `with`: see [the pipeline file](pipeline-file.md). The version enters the fingerprint: where it is raised, stages of that kind run again.',
    table(
      ['kind', 'reads', 'gives', 'version', 'what it does'],
      kinds.map((kind) => [
        `[\`${kind.kind}\`](#${kind.kind})`,
        portsText(kind),
        givesText(kind),
        String(kind.version),
        kind.summary,
      ]),
    ),
    ...kinds.flatMap((kind) => [`## ${kind.kind}`, words(root, kind), settingsTable(settingsOfKind(kind, groups))]),
    ...groups.flatMap(({ name, title, users, rows }) => [
      `## ${title}`,
      `Inside ${users.map(({ kind, property }) => `\`${property}\` of [${kind}](#${kind})`).join(', ')}.`,
      settingsTable(rows.map((row) => ({ ...row, path: `${name}${row.path}` }))),
    ]),
  ];
}

/** The settings inside one setting of a kind, by paths that start there. */
interface Group {
  readonly kind: string;
  readonly property: string;
  readonly rows: readonly Setting[];
}

interface SharedGroup {
  readonly name: string;
  readonly title: string;
  readonly users: readonly Group[];
  readonly rows: readonly Setting[];
}

/** Fewer rows are said where they belong. */
const LEAST_ROWS = 5;

function groupsOf({ kind }: StageKind): readonly Group[] {
  return Object.entries(objectOf(schemaOf(kind)['properties']))
    .map(([property, schema]) => ({ kind, property, rows: settingsWithin(objectOf(schema), '').map(fromStart) }))
    .filter(({ rows }) => rows.length >= LEAST_ROWS);
}

/** Below a nameless setting, paths start with a dot, or with the `[]` of a list. */
function fromStart(row: Setting): Setting {
  return { ...row, path: row.path.startsWith('[]') || row.path.startsWith('.') ? row.path : `.${row.path}` };
}

/** Groups that are the same in several places, called by the name that they have in the first. */
function sharedGroups(groups: readonly Group[]): readonly SharedGroup[] {
  const contents = new Set(groups.map(({ rows }) => JSON.stringify(rows)));
  return [...contents].flatMap((content) => {
    const users = groups.filter(({ rows }) => JSON.stringify(rows) === content);
    const [first] = users;
    if (!first || new Set(users.map(({ kind }) => kind)).size < 2) return [];
    return [{ name: first.property, title: `Inside ${first.property}`, users, rows: first.rows }];
  });
}

function settingsOfKind({ kind }: StageKind, groups: readonly SharedGroup[]): readonly Setting[] {
  return Object.entries(objectOf(schemaOf(kind)['properties'])).flatMap(([property, schema]) => {
    const shared = groups.find(({ users }) => users.some((user) => user.kind === kind && user.property === property));
    const rows = settingsOfOne(kind, property, objectOf(schema));
    const [head] = rows;
    if (!shared || !head) return rows;
    const anchor = shared.title.toLowerCase().replaceAll(' ', '-');
    return [{ ...head, meaning: `${head.meaning} [What stands inside](#${anchor}).` }];
  });
}

function settingsOfOne(kind: string, property: string, schema: JsonObject): readonly Setting[] {
  const required = schemaOf(kind)['required'] ?? [];
  return settingsOf({ properties: { [property]: schema }, required });
}

function schemaOf(kind: string): JsonObject {
  return schemas.get(kind) ?? {};
}

/** The page of the kind's folder, its headings one level lower and its links as seen from `docs/`. */
function words(root: string, { kind }: StageKind): string {
  const text = readFileSync(join(root, 'src', 'stages', kind, 'README.md'), 'utf8')
    .replace(/^# .*\n+/, '')
    .replaceAll('](../../../docs/', '](')
    .trim();
  return text
    .split(/^(```[\s\S]*?^```)$/m)
    .map((part) => (part.startsWith('```') ? part : part.replace(/^#+ /gm, '#$&')))
    .join('');
}

const types = new Set([...stageKinds.values()].flatMap(({ gives }) => Object.values(gives)));

function portsText({ ports }: StageKind): string {
  const texts = Object.entries(ports).map(([port, { accepts, optional }], _, all) => {
    const fits = accepts.length >= types.size ? 'anything' : accepts.join(' or ');
    return `${all.length > 1 ? `\`${port}\`: ` : ''}${fits}${optional ? ' (optional)' : ''}`;
  });
  return texts.join('; ') || '–';
}

function givesText({ gives }: StageKind): string {
  return Object.values(gives).join(', ') || '–';
}

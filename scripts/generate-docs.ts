/** Makes the reference pages of `docs/` from what the program itself goes by: codes, schemas, stage kinds, commands. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { codes } from '../src/base/codes/index.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../src/base/json.ts';
import { buildProgram } from '../src/cli/program.ts';
import { pipelineSchema, stageSchema } from '../src/config/pipeline-schema.ts';
import { stageKinds } from '../src/stages/index.ts';
import { paramsByKind } from '../src/stages/params-list.ts';

const NOTE = '<!-- Made by `npm run docs`; edit the source, not this page. -->';

/** Path below the root to text. */
export function referencePages(root: string): Readonly<Record<string, string>> {
  return {
    'docs/errors.md': errorsPage(),
    'docs/stages.md': stagesPage(root),
    'docs/pipeline-file.md': pipelinePage(),
    'docs/commands.md': commandsPage(),
  };
}

function page(title: string, ...parts: readonly string[]): string {
  return `${[`# ${title}`, NOTE, ...parts].join('\n\n')}\n`;
}

const areas: readonly (readonly [string, string])[] = [
  ['P', 'The pipeline file'],
  ['U', 'Usage'],
  ['D', 'Data'],
  ['I', 'Images'],
  ['M', 'Models and weights'],
  ['N', 'Network'],
  ['E', 'Engines'],
  ['K', 'Cache and outputs'],
  ['L', 'Lock files and git'],
  ['S', "A stage's own outcome"],
  ['T', 'Other tools'],
];

function errorsPage(): string {
  const sections = areas.flatMap(([letter, title]) => {
    const rows = Object.entries(codes).filter(([code]) => code.startsWith(letter));
    if (rows.length === 0) return [];
    const lines = rows.map(
      ([code, { exit, title: fault, explanation }]) =>
        `| <a id="${code.toLowerCase()}"></a>${code} | ${cell(fault)} | ${exit} | ${cell(explanation)} |`,
    );
    return [`## ${title}`, ['| code | fault | exit | cause and way out |', '|---|---|---|---|', ...lines].join('\n')];
  });
  return page(
    'Errors',
    "Every failure has a code that stays the same, what is wrong, the place where there is one, and what to do. `pipe explain CODE` prints a row of this page. The exit code names the kind of fault: 1 a stage's own outcome, 2 wrong usage, 3 an invalid pipeline file, 4 an input that is missing or unreadable, 5 `--locked` and something differs, 6 an engine, a weights file or a download that is not available, 7 a cache or an output that cannot be written, 70 a bug.",
    ...sections,
  );
}

function stagesPage(root: string): string {
  const rows = [...stageKinds.values()].map(
    ({ kind, ports, gives, summary }) =>
      `| [\`${kind}\`](#${kind}) | ${portsText(ports)} | ${Object.values(gives).join(', ') || '–'} | ${cell(summary)} |`,
  );
  const sections = [...stageKinds.values()].flatMap(({ kind, version }) => {
    const schema: Json = JSON.parse(JSON.stringify(paramsByKind[kind] ?? {}));
    const words = readFileSync(join(root, 'src', 'stages', kind, 'README.md'), 'utf8')
      .replace(/^# .*\n+/, '')
      .replaceAll('](../../../docs/', '](');
    return [`## ${kind}`, words.trim(), settingsTable(asObject(schema)), `Version of the kind: ${version}.`];
  });
  return page(
    'Stage kinds',
    'What a stage reads comes through `from`, its settings stand under `with`. A kind of your own is a module: `kind: ./stages/my-stage.js`.',
    ['| kind | reads | gives | what it does |', '|---|---|---|---|', ...rows].join('\n'),
    ...sections,
  );
}

function portsText(
  ports: Readonly<Record<string, { readonly accepts: readonly string[]; readonly optional?: boolean }>>,
): string {
  const texts = Object.entries(ports).map(
    ([, { accepts, optional }]) => `${accepts.join(' or ')}${optional ? ' (optional)' : ''}`,
  );
  return texts.join(', ') || '–';
}

function pipelinePage(): string {
  return page(
    'The pipeline file',
    'A YAML file, checked against [a JSON Schema](../schemas/pipeline.schema.json) (draft 07): name it in a first line `# yaml-language-server: $schema=../schemas/pipeline.schema.json` and your editor completes and explains every key.',
    [
      "* `stages` is a map; a stage's name is its id, and their order means nothing. `from` names what a stage reads: one stage, a map from port to stage, `stage.artifact` where a stage gives several.",
      '* Paths are relative to the file that wrote them.',
      '* `${vars.x}` and `${env.X}` (names listed under `env`) are substituted in scalars; a scalar that is nothing else keeps the type of the value. A value from the environment never shows up in records or locks.',
      '* `extends: other.yaml` lays this file over another one: maps merge deeply, lists and scalars replace, `null` removes.',
      '* `matrix` on a stage makes one child a combination of values, `repeat` one a seed; stages that read it fan out the same way.',
      '* `--set head.epochs=5` changes a setting from the command line, `--set vars.size=96` a variable, `--set seed=7` the seed.',
      '* Unknown keys are errors; so are duplicate keys, custom tags and aliases that explode.',
    ].join('\n'),
    '## Keys of the file',
    settingsTable(asObject(JSON.parse(JSON.stringify(pipelineSchema)))),
    '## Keys of a stage',
    settingsTable(asObject(JSON.parse(JSON.stringify(stageSchema)))),
    'The settings under `with` are those of the [stage kind](stages.md).',
  );
}

function settingsTable(schema: JsonObject): string {
  const rows = [...settingRows(schema, '')];
  if (rows.length === 0) return 'No settings.';
  return ['| setting | takes | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function* settingRows(schema: JsonObject, path: string): Generator<string> {
  for (const [name, value] of Object.entries(asObject(schema['properties'] ?? null))) {
    const member = asObject(value);
    const at = path === '' ? name : `${path}.${name}`;
    const fallback = member['default'] === undefined ? '' : `\`${JSON.stringify(member['default'])}\``;
    yield `| \`${at}\` | ${cell(takes(member))} | ${cell(fallback)} | ${cell(textOf(member['description']))} |`;
    if (path.split('.').length < 3) yield* settingRows(member, at);
    for (const choice of listOf(member['anyOf'])) {
      const { description, properties } = asObject(choice);
      if (properties === undefined || path.split('.').length >= 3) continue;
      yield* settingRows({ ...asObject(choice), description: description ?? null }, at);
    }
  }
}

function takes(schema: JsonObject): string {
  const { type, anyOf, const: constant } = schema;
  if (constant !== undefined) return `\`${JSON.stringify(constant)}\``;
  if (isJsonArray(schema['enum'] ?? null))
    return listOf(schema['enum'])
      .map((value) => `\`${String(value)}\``)
      .join(', ');
  if (anyOf !== undefined)
    return [...new Set(listOf(anyOf).map((choice) => takes(asObject(choice))))].filter(Boolean).join(' or ');
  if (type === 'array') return `list of ${takes(asObject(schema['items'] ?? null)) || 'values'}`;
  if (type === 'object') return 'map';
  const bounds = [
    schema['minimum'] === undefined ? '' : `≥ ${schema['minimum']}`,
    schema['exclusiveMinimum'] === undefined ? '' : `> ${schema['exclusiveMinimum']}`,
    schema['maximum'] === undefined ? '' : `≤ ${schema['maximum']}`,
  ].filter(Boolean);
  return [type === 'string' ? 'text' : type === 'integer' ? 'whole number' : textOf(type), ...bounds]
    .filter(Boolean)
    .join(' ');
}

function commandsPage(): string {
  const program = buildProgram(() => {});
  const global = optionTable(program);
  return page(
    'Commands',
    'FILE is a path, or the name of a file in `./pipelines`. These options go with every command:',
    global,
    ...program.commands.flatMap((command) => commandParts(command, 'pipe')),
  );
}

function commandParts(command: Command, parent: string): readonly string[] {
  const name = `${parent} ${command.name()}`;
  if (command.commands.length > 0) return command.commands.flatMap((inner) => commandParts(inner, name));
  const usage = command.registeredArguments.map((argument) => {
    const shown = `${argument.name()}${argument.variadic ? '…' : ''}`;
    return argument.required ? `<${shown}>` : `[${shown}]`;
  });
  const table = optionTable(command);
  return [
    `## ${name}`,
    `\`${[name, ...usage].join(' ')}\`: ${command.description()}.`,
    ...(table === '' ? [] : [table]),
  ];
}

const GLOBAL = ['--json', '--quiet', '--cache', '--offline', '--debug'];

function optionTable(command: Command): string {
  const isTop = command.parent === null;
  const rows = command.options
    .filter(({ long, hidden }) => !hidden && (isTop || !GLOBAL.includes(long ?? '')))
    .map(({ flags, description, argChoices, defaultValue }) => {
      const choices = argChoices ? ` (${argChoices.join(', ')})` : '';
      const fallback =
        defaultValue === undefined || isEmpty(defaultValue) ? '' : ` Default: \`${String(defaultValue)}\`.`;
      return `| \`${cell(flags)}\` | ${cell(`${description}${choices}.${fallback}`)} |`;
    });
  return rows.length === 0 ? '' : ['| option | does |', '|---|---|', ...rows].join('\n');
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function asObject(value: Json | undefined): JsonObject {
  return value !== undefined && isJsonObject(value) ? value : {};
}

function listOf(value: Json | undefined): readonly Json[] {
  return value !== undefined && isJsonArray(value) ? value : [];
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

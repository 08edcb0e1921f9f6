/** Makes `schemas/pipeline.schema.json` for editors and the standalone validators, from the settings of the stage kinds. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../src/base/json.ts';
import { pipelineSchema, stageSchema } from '../src/config/pipeline-schema.ts';
import { withSubstitution } from '../src/config/published-schema.ts';
import { stageKinds } from '../src/stages/index.ts';
import { paramsByKind } from '../src/stages/params-list.ts';

/** Writes both files below the root where their content has changed. Returns the paths that were written. */
export async function generateSchemas(root: string): Promise<readonly string[]> {
  const wanted: readonly (readonly [string, string])[] = [
    [join(root, 'schemas', 'pipeline.schema.json'), editorSchemaText()],
    [join(root, 'src', 'config', 'validators.generated.js'), validatorsText()],
  ];
  return wanted.flatMap(([path, text]) => {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) return [];
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return [path];
  });
}

/** The settings of each kind as plain JSON Schema, sorted by kind. */
function settingsByKind(): readonly (readonly [string, JsonObject])[] {
  return Object.keys(paramsByKind)
    .sort()
    .map((kind) => [kind, plain(paramsByKind[kind] ?? {})] as const);
}

/** Drops what a schema library keeps beside the schema. */
function plain(schema: object): JsonObject {
  const json: JsonObject = JSON.parse(JSON.stringify(schema));
  return json;
}

export function editorSchemaText(): string {
  const kinds = settingsByKind();
  const choices = kinds.map(([kind]) => ({
    const: kind,
    ...(stageKinds.has(kind) && { description: stageKinds.get(kind)?.summary ?? '' }),
  }));
  const { required: _, ...stageShape } = stageSchema;
  const stage: JsonObject = {
    ...stageShape,
    properties: {
      ...stageSchema.properties,
      kind: {
        description: stageSchema.properties.kind.description,
        anyOf: [...choices, { type: 'string', pattern: '^\\.{0,2}/' }],
      },
    },
    allOf: kinds.map(([kind, settings]) =>
      ifThen(
        { required: ['kind'], properties: { kind: { const: kind } } },
        {
          properties: { with: { $ref: `#/definitions/${kind}` } },
          ...(hasRequired(settings) && { required: ['with'] }),
        },
      ),
    ),
  };
  const file: JsonObject = {
    ...pipelineSchema,
    properties: {
      ...pipelineSchema.properties,
      stages: { ...pipelineSchema.properties.stages, additionalProperties: { $ref: '#/definitions/stage' } },
    },
  };
  const { required: __, ...open } = file;
  const schema: JsonObject = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: 'pipeline.schema.json',
    title: 'Pipeline',
    ...objectOf(withSubstitution(open)),
    // A file that extends another may leave out what that one has.
    ...ifThen(
      { not: { required: ['extends'] } },
      { required: ['stages'], properties: { stages: { additionalProperties: { required: ['kind'] } } } },
    ),
    definitions: {
      substitution: {
        type: 'string',
        pattern: '\\$\\{',
        description: 'A value with ${vars.x}, ${env.X} or ${matrix.x}.',
      },
      stage,
      pipeline: objectOf(withSubstitution(pipelineSchema)),
      ...Object.fromEntries(kinds.map(([kind, settings]) => [kind, withSubstitution(settings)])),
    },
  };
  return `${JSON.stringify(schema, null, 1)}\n`;
}

/** Two keywords in pairs, since an object with a member `then` looks like a promise. */
function ifThen(condition: JsonObject, consequence: JsonObject): JsonObject {
  return Object.fromEntries([
    ['if', condition],
    ['then', consequence],
  ]);
}

function hasRequired(settings: JsonObject): boolean {
  return Array.isArray(settings['required']) && settings['required'].length > 0;
}

function objectOf(schema: Json): JsonObject {
  if (!isJsonObject(schema)) throw new Error('a schema became something else');
  return schema;
}

export function validatorsText(): string {
  // No messages, first error only: a validator says yes or no, and a no is explained by ajv itself.
  const ajv = new Ajv({
    code: { source: true, esm: true, lines: true },
    messages: false,
    unicode: false,
    logger: false,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allowUnionTypes: true,
  });
  const names = ['pipeline', ...settingsByKind().map(([kind]) => kind)];
  ajv.addSchema(objectOf(bare(pipelineSchema)), 'pipeline');
  for (const [kind, settings] of settingsByKind()) ajv.addSchema(objectOf(bare(settings)), kind);
  const exported = Object.fromEntries(names.map((name, i) => [`validate${i}`, name]));
  const code = standaloneCode.default(ajv, exported);
  if (/\brequire\(/.test(code))
    throw new Error('a schema uses a keyword that needs ajv at run time, such as uniqueItems over maps');
  const table = names.map((name, i) => `  ${JSON.stringify(name)}: validate${i},`).join('\n');
  return `// Made by scripts/generate-schemas.ts. Do not edit.\n${code}\nexport const validators = {\n${table}\n};\n`;
}

/** Without what only people read. Members of `properties` are names, whatever they are called. */
function bare(schema: Json): Json {
  if (isJsonArray(schema)) return schema.map(bare);
  if (!isJsonObject(schema)) return schema;
  const kept = Object.entries(schema).filter(
    ([keyword]) => !['description', 'default', 'examples', 'title'].includes(keyword),
  );
  return Object.fromEntries(
    kept.map(([keyword, value]) => [
      keyword,
      isJsonObject(value) && keyword === 'properties'
        ? bareMembers(value)
        : keyword === 'enum' || keyword === 'const'
          ? value
          : bare(value),
    ]),
  );
}

function bareMembers(properties: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, bare(schema)]));
}

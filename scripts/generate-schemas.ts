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
    [join(root, 'src', 'config', 'validators.generated.js'), validatorsText(allSchemas())],
  ];
  return wanted.flatMap(([path, text]) => {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) return [];
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return [path];
  });
}

/** Of the file around the settings, and of the settings of each kind. */
export function allSchemas(): readonly (readonly [string, JsonObject])[] {
  return [['pipeline', pipelineSchema], ...settingsByKind()];
}

/** The settings of each kind as plain JSON Schema, sorted by kind. */
function settingsByKind(): readonly (readonly [string, JsonObject])[] {
  return Object.keys(paramsByKind)
    .sort()
    .map((kind) => [kind, objectOf(withInnerDescriptions(plain(paramsByKind[kind] ?? {})))] as const);
}

/** The one member of `{ adam: … }` says what the map around it says, where it says nothing itself. */
function withInnerDescriptions(schema: Json): Json {
  if (isJsonArray(schema)) return schema.map(withInnerDescriptions);
  if (!isJsonObject(schema)) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withInnerDescriptions(value)]));
  const { properties, description } = inner;
  const [only, another] = isJsonObject(properties) ? Object.entries(properties) : [];
  if (typeof description !== 'string' || !only || another || !isJsonObject(only[1]) || 'description' in only[1])
    return inner;
  return { ...inner, properties: { [only[0]]: { description, ...only[1] } } };
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

/**
 * Standalone validators by ajv. They are loaded at every run, so they are kept small: they only say yes or no (a no is
 * explained by ajv itself), and parts that several schemas have become one function each, compiled when first called.
 */
export function validatorsText(schemas: readonly (readonly [string, JsonObject])[]): string {
  const ajv = new Ajv({
    code: { source: true, esm: true, lines: true },
    inlineRefs: false,
    messages: false,
    unicode: false,
    logger: false,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allowUnionTypes: true,
  });
  const parts = new Map<string, Json>();
  const roots = schemas.map(([name, schema]) => [name, withSharedParts(bare(schema), parts, true)] as const);
  ajv.addSchema({
    $id: PARTS,
    definitions: Object.fromEntries(Array.from(parts.values(), (part, i) => [`p${i}`, part])),
  });
  for (const [name, schema] of roots) ajv.addSchema(objectOf(schema), name);
  const code = standaloneCode.default(ajv, Object.fromEntries(schemas.map(([name], i) => [`validate_${i}`, name])));
  const silent = code
    // Unique items are scalars, or lists of them.
    .replace(/require\("ajv\/dist\/runtime\/equal"\)\.default/g, '(a, b) => JSON.stringify(a) === JSON.stringify(b)')
    .replace(/^const (err\d+) = \{.*\};$/gm, 'const $1 = 0;')
    .replace(/^(validate\d+\.errors) = \[\{.*\}\];$/gm, '$1 = [0];')
    .replace(/(validate\d+)\((.+?), \{instancePath\b.*?,rootData\}\)/g, '$1($2)')
    .replace(/\(data, \{instancePath="", parentData, parentDataProperty, rootData=data\}=\{\}\)/g, '(data)');
  // The generated code reads few of the schemas that it carries: long lists of known keys.
  const uses = (name: string) => [...silent.matchAll(new RegExp(`\\b${name}\\b`, 'g'))].length;
  const lean = silent.replace(/^const (schema\d+) = .*;\n/gm, (line, name: string) => (uses(name) > 1 ? line : ''));
  const stray = /instancePath|rootData|parentData|\brequire\b/.exec(lean);
  if (stray) throw new Error(`the code of a validator still has ${stray[0]}`);
  const table = schemas.map(([name], i) => `  ${JSON.stringify(name)}: validate_${i},`).join('\n');
  return `// Made by scripts/generate-schemas.ts. Do not edit.\n${lean}\nexport const validators = {\n${table}\n};\n`;
}

const PARTS = 'parts';
/** Shorter parts are cheaper in place. */
const SHORTEST_PART = 60;

/** Replaces the subschemas of objects and unions by references to one copy of each. */
function withSharedParts(schema: Json, parts: Map<string, Json>, top = false): Json {
  if (isJsonArray(schema)) return schema.map((item) => withSharedParts(item, parts));
  if (!isJsonObject(schema)) return schema;
  const inner = Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => {
      if (keyword === 'enum' || keyword === 'const' || keyword === 'required') return [keyword, value];
      if (keyword === 'properties' || keyword === 'patternProperties')
        return [
          keyword,
          Object.fromEntries(Object.entries(objectOf(value)).map(([key, part]) => [key, withSharedParts(part, parts)])),
        ];
      return [keyword, withSharedParts(value, parts)];
    }),
  );
  const text = JSON.stringify(inner);
  if (top || text.length < SHORTEST_PART || !('type' in inner || 'anyOf' in inner)) return inner;
  if (!parts.has(text)) parts.set(text, inner);
  return { $ref: `${PARTS}#/definitions/p${[...parts.keys()].indexOf(text)}` };
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

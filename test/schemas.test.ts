/** The published schema is the one that the stage kinds give, says something about every setting, and accepts what they do. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allSchemas, editorSchemaText } from '../scripts/generate-schemas.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../src/base/json.ts';
import { publishedSettings } from '../src/config/published-schema.ts';
import { validators } from '../src/config/validators.generated.js';
import { stageKinds } from '../src/stages/index.ts';

const published: JsonObject = JSON.parse(
  readFileSync(new URL('../schemas/pipeline.schema.json', import.meta.url), 'utf8'),
);
const kinds = allSchemas().filter(([name]) => name !== 'pipeline');

it('is the one that the stage kinds give (npm run build writes it anew)', () => {
  expect(published).toEqual(JSON.parse(editorSchemaText()));
});

it('is itself valid draft-07, and names no host', () => {
  expect(new Ajv({ strict: false }).validateSchema(published)).toBe(true);
  expect(published['$schema']).toBe('http://json-schema.org/draft-07/schema#');
  expect(String(published['$id'])).not.toMatch(/:\/\//);
});

it('has the settings of exactly the built-in kinds', () => {
  expect(kinds.map(([kind]) => kind)).toEqual([...stageKinds.keys()].sort());
});

/** Every property below a schema, with its path and whether it must be given. */
function propertiesOf(
  schema: Json,
  path = '',
): readonly { readonly path: string; readonly schema: JsonObject; readonly required: boolean }[] {
  if (!isJsonObject(schema)) return [];
  const required = schema['required'] ?? [];
  const named = Object.entries(isJsonObject(schema['properties']) ? schema['properties'] : {});
  const own = named.flatMap(([name, property]) =>
    isJsonObject(property)
      ? [{ path: `${path}/${name}`, schema: property, required: isJsonArray(required) && required.includes(name) }]
      : [],
  );
  const branches = ['anyOf', 'oneOf', 'allOf'].flatMap((keyword) => {
    const list = schema[keyword] ?? [];
    return isJsonArray(list) ? list : [];
  });
  const inner = [...branches, schema['items'] ?? null, schema['additionalProperties'] ?? null].flatMap((part) =>
    isJsonArray(part) ? part : [part],
  );
  return [
    ...own,
    ...own.flatMap((property) => propertiesOf(property.schema, property.path)),
    ...inner.flatMap((part) => propertiesOf(part, path)),
  ];
}

describe.each(allSchemas())('%s', (name, schema) => {
  const properties = propertiesOf(schema);

  it('describes every setting', () => {
    expect(properties.length).toBeGreaterThan(0);
    expect(
      properties.filter((property) => typeof property.schema['description'] !== 'string').map(({ path }) => path),
    ).toEqual([]);
  });

  it('says of every setting that may be left out what is meant then', () => {
    expect(
      properties
        .filter(
          (property) =>
            !property.required &&
            !('default' in property.schema) &&
            !/by default/i.test(String(property.schema['description'])),
        )
        .map(({ path }) => path),
    ).toEqual([]);
  });

  it('reads back from the published form', () => {
    expect(publishedSettings(name)).toEqual(schema);
  });

  it('has a generated validator that agrees with ajv', () => {
    const validate = new Ajv({ strict: false }).compile(schema);
    const generated = validators[name];
    if (!generated) throw new Error(`no validator of ${name}`);
    const words = [...new Set(JSON.stringify(schema).match(/"[\w-]+"/g) ?? [])].map((word) => word.slice(1, -1));
    const leaf = fc.oneof(
      fc.constantFrom(...words),
      fc.integer({ min: -2, max: 600 }),
      fc.double({ noNaN: true, min: -1, max: 2 }),
      fc.boolean(),
      fc.constant(null),
    );
    const keys = fc.constantFrom(...words);
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.dictionary(keys, tie('value'), { maxKeys: 3 }),
        fc.array(tie('value'), { maxLength: 3 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...topKeys(schema), 'unknown'), value, { maxKeys: 3 }), (given) => {
        expect(generated(given)).toBe(validate(given));
      }),
      { numRuns: 300 },
    );
  });
});

function topKeys(schema: JsonObject): readonly string[] {
  return Object.keys(isJsonObject(schema['properties']) ? schema['properties'] : {});
}

/** Kinds that need no setting at all. */
const free = kinds.filter(([, schema]) => JSON.stringify(schema['required'] ?? []) === '[]');

it.each(free)('%s without settings is what its defaults, written out, are', (name, schema) => {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const defaults = Object.fromEntries(
    Object.entries(properties).flatMap(([key, property]) =>
      isJsonObject(property) && 'default' in property ? [[key, property['default'] ?? null]] : [],
    ),
  );
  expect(validators[name]?.(defaults)).toBe(true);
  const kind = stageKinds.get(name);
  expect(kind?.complete(defaults)).toEqual(kind?.complete({}));
});

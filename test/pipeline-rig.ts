/** Pipelines for tests of the configuration: files in a folder of their own and small stage kinds with real schemas. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll } from 'vitest';
import type { Diagnostic } from '../src/base/diagnostic.ts';
import type { Json, JsonObject } from '../src/base/json.ts';
import { ok, type Result } from '../src/base/result.ts';
import type { CustomKind } from '../src/config/custom-kinds.ts';
import { parsePipeline } from '../src/config/parse-pipeline.ts';
import type { PipelineConfig } from '../src/config/pipeline-config.ts';
import type { Memo } from '../src/files/memo.ts';
import type { StageKind } from '../src/stages/stage-kind.ts';

const closed = (properties: JsonObject, required: readonly string[] = []): JsonObject => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});
const layer = (name: string, settings: JsonObject): JsonObject => closed({ [name]: settings }, [name]);
const rates = { learningRate: { type: 'number', exclusiveMinimum: 0, description: 'Learning rate.' } };

const schemas: Readonly<Record<string, JsonObject>> = {
  'ingest-csv': closed({ train: closed({ csv: { type: 'string' }, images: { type: 'string' } }, ['csv']) }, ['train']),
  split: closed({ validation: { type: 'number', minimum: 0, maximum: 1, description: 'Share of the rows.' } }),
  preprocess: closed({
    size: { type: 'array', minItems: 2, maxItems: 2, items: { type: 'integer', minimum: 1 } },
    fit: { enum: ['fill', 'cover', 'contain'] },
  }),
  'extract-features': closed({ backbone: { type: 'string' } }),
  'train-head': closed({
    layers: {
      type: 'array',
      items: {
        anyOf: [
          layer('dense', {
            anyOf: [
              { type: 'integer', minimum: 1 },
              closed({ units: { type: 'integer', minimum: 1 }, activation: { enum: ['relu', 'sigmoid'] } }, ['units']),
            ],
          }),
          layer('dropout', { anyOf: [{ type: 'number' }, closed({ rate: { type: 'number' } }, ['rate'])] }),
        ],
      },
    },
    optimizer: {
      anyOf: [
        { enum: ['adam', 'sgd', 'rmsprop'] },
        layer('adam', closed(rates)),
        layer('sgd', closed({ ...rates, nesterov: { type: 'boolean' } })),
      ],
    },
    epochs: { type: 'integer', minimum: 1, description: 'Passes over the training rows.' },
    batch: { type: 'integer', minimum: 1 },
    shuffle: { type: 'boolean' },
    note: { type: 'string' },
  }),
  evaluate: closed({ on: { enum: ['train', 'validation', 'test'] } }),
  predict: closed({ file: { type: 'string' } }),
  exec: closed({ command: { type: 'array', minItems: 1, items: { type: 'string' } } }, ['command']),
};

const definitions: readonly Pick<StageKind, 'kind' | 'ports' | 'gives' | 'outputParams'>[] = [
  { kind: 'ingest-csv', ports: {}, gives: { data: 'dataset' } },
  { kind: 'split', ports: { data: { accepts: ['dataset'] } }, gives: { data: 'dataset' } },
  { kind: 'preprocess', ports: { data: { accepts: ['dataset'] } }, gives: { images: 'images' } },
  { kind: 'extract-features', ports: { data: { accepts: ['images'] } }, gives: { features: 'features' } },
  { kind: 'train-head', ports: { data: { accepts: ['features'] } }, gives: { model: 'model', history: 'metrics' } },
  {
    kind: 'evaluate',
    ports: {
      model: { accepts: ['model'], optional: true },
      data: { accepts: ['features', 'images'], optional: true },
      predictions: { accepts: ['predictions'], optional: true },
    },
    gives: { metrics: 'metrics' },
  },
  {
    kind: 'predict',
    ports: { model: { accepts: ['model'] }, data: { accepts: ['features'] } },
    gives: { predictions: 'predictions' },
    outputParams: ['file'],
  },
  {
    kind: 'exec',
    ports: {
      left: { accepts: ['dataset', 'features'], optional: true },
      right: { accepts: ['model'], optional: true },
    },
    gives: { files: 'files' },
  },
];

const ajv = new Ajv({ strict: false });
const kinds: ReadonlyMap<string, CustomKind> = new Map(
  definitions.map((definition) => {
    const schema = schemas[definition.kind] ?? {};
    const kind: StageKind = {
      ...definition,
      version: 1,
      summary: definition.kind,
      draws: false,
      complete: (given) => given,
      loadBody: () => Promise.reject(new Error('not run here')),
    };
    return [definition.kind, { kind, schema, validate: ajv.compile(schema) }];
  }),
);

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Writes files below a new folder, and gives its path. */
export function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'pipeline-'));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

export interface ParseGiven {
  readonly set?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly memo?: Memo;
  /** Where the files lie already. */
  readonly folder?: string;
}

/** Parses `pipeline.yaml`, given as text or as one of several files. */
export async function parse(
  files: string | Uint8Array | Readonly<Record<string, string | Uint8Array>>,
  { set = [], environment = {}, memo, folder: known }: ParseGiven = {},
): Promise<Result<PipelineConfig, readonly Diagnostic[]> & { readonly folder: string }> {
  const folder =
    known ?? folderWith(typeof files === 'string' || files instanceof Uint8Array ? { 'pipeline.yaml': files } : files);
  const options = {
    kinds: new Map(Array.from(kinds, ([name, { kind }]) => [name, kind])),
    customKinds: kinds,
    overrides: set,
    environment,
    root: folder,
    ...(memo && { memo }),
  };
  const parsed = await parsePipeline(join(folder, 'pipeline.yaml'), options);
  return { ...(parsed.ok ? ok(parsed.value.config) : parsed), folder };
}

/** The configuration of a pipeline that must be right. */
export async function config(
  files: string | Readonly<Record<string, string>>,
  given?: ParseGiven,
): Promise<PipelineConfig> {
  const parsed = await parse(files, given);
  if (!parsed.ok) throw new Error(problemsOf(parsed).join('\n'));
  return parsed.value;
}

export function settingsOf(pipeline: PipelineConfig, stage: string): Json {
  const found = pipeline.stages.find(({ name }) => name === stage);
  if (!found) throw new Error(`no stage ${stage} among ${pipeline.stages.map(({ name }) => name).join(', ')}`);
  return found.with;
}

/** Each problem as `CODE line:column message | help`, in order. */
export function problemsOf(parsed: Result<unknown, readonly Diagnostic[]>): readonly string[] {
  if (parsed.ok) return [];
  return parsed.error.map(({ code, message, location, help }) => {
    const place = location ? ` ${location.line}:${location.column}` : '';
    return `${code}${place} ${message}${help === undefined ? '' : ` | ${help}`}`;
  });
}

/** The text of the source under a location, for checking carets. */
export function marked(text: string, diagnostic: Diagnostic | undefined): string | undefined {
  const { location } = diagnostic ?? {};
  return (
    location &&
    text.split('\n')[location.line - 1]?.slice(location.column - 1, (location.endColumn ?? location.column + 1) - 1)
  );
}

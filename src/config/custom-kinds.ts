/** Stage kinds of a user's own: modules whose default export is a stage kind, named in the file by their path. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { pathFromRoot } from '../files/project.ts';
import type { StageKind } from '../stages/stage-kind.ts';
import { type Located, memberOf, textOf } from './located.ts';
import { locate } from './source-text.ts';
import type { Validator } from './validators.generated.js';
import type { WrittenStage } from './written-stage.ts';

export interface CustomKind {
  readonly kind: StageKind;
  /** JSON Schema of its settings. */
  readonly schema: JsonObject;
  readonly validate: Validator;
}

/** By the module's path from the project's root, as in `StageConfig.kind`. */
export type CustomKinds = ReadonlyMap<string, CustomKind>;

/** Whether a `kind:` names a module. */
export function isModulePath(kind: string): boolean {
  return /^(\.{1,2}[\\/]|[\\/]|[A-Za-z]:[\\/])/.test(kind) || /\.[cm]?[jt]s$/.test(kind);
}

/** What a module's kind is called: its path from the root, the same whichever file names it. */
export function moduleKey(root: string, node: Located, kind: string): string {
  const path = pathFromRoot(root, resolve(node.place.source.folder, kind));
  return path.startsWith('..') ? path : `./${path}`;
}

/** Imports the modules that the stages of a file name as kinds. */
export async function loadCustomKinds(
  stages: readonly WrittenStage[],
  root: string,
): Promise<Result<CustomKinds, readonly Diagnostic[]>> {
  const kinds = new Map<string, CustomKind>();
  const problems: Diagnostic[] = [];
  for (const stage of stages) {
    const node = memberOf(stage.body, 'kind');
    const name = textOf(node);
    if (!node || name === undefined || !isModulePath(name)) continue;
    const key = moduleKey(root, node, name);
    if (kinds.has(key)) continue;
    const loaded = await loadKind(resolve(node.place.source.folder, name));
    if (loaded.ok) kinds.set(key, loaded.value);
    else
      problems.push(
        problem('P032', `the kind ${name} cannot be loaded: ${loaded.error}`, {
          location: locate(node.place),
          help: 'a module exports a stage kind, made with `defineStage`, as its default, with `schema`, the JSON Schema of its settings',
        }),
      );
  }
  return problems.length > 0 ? err(problems) : ok(kinds);
}

async function loadKind(path: string): Promise<Result<CustomKind, string>> {
  if (!existsSync(path)) return err('there is no such file');
  try {
    const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(path).href);
    const definition = module['default'];
    if (!isStageKind(definition)) return err(whatIsMissing(definition));
    const schema = 'schema' in definition ? definition.schema : undefined;
    if (!isJsonObject(schema)) return err('it has no `schema`');
    const { Ajv } = await import('ajv');
    return ok({ kind: definition, schema, validate: new Ajv({ strict: false }).compile(schema) });
  } catch (cause) {
    return err(cause instanceof Error ? cause.message : String(cause));
  }
}

function isStageKind(value: unknown): value is StageKind {
  return whatIsMissing(value) === '';
}

/** The first part of a stage kind that a value lacks, in words; empty where it has them all. */
function whatIsMissing(value: unknown): string {
  if (typeof value !== 'object' || value === null) return 'its default export is no stage kind';
  const has = (key: string, test: (member: unknown) => boolean) =>
    test(Object.entries(value).find(([name]) => name === key)?.[1]);
  const object = (member: unknown) => typeof member === 'object' && member !== null;
  const parts: readonly (readonly [string, (member: unknown) => boolean])[] = [
    ['kind', (member) => typeof member === 'string'],
    ['version', (member) => Number.isInteger(member)],
    ['ports', object],
    ['gives', object],
    ['complete', (member) => typeof member === 'function'],
    ['loadBody', (member) => typeof member === 'function'],
  ];
  const missing = parts.find(([key, test]) => !has(key, test));
  return missing ? `its default export has no \`${missing[0]}\`` : '';
}

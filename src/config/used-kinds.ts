/** The stage kinds that a file uses, with what checks their settings. */
import { isDeepStrictEqual } from 'node:util';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import type { JsonObject } from '../base/json.ts';
import type { StageKind } from '../stages/stage-kind.ts';
import { type CustomKinds, isModulePath, moduleKey } from './custom-kinds.ts';
import { memberOf, textOf } from './located.ts';
import { publishedSettings } from './published-schema.ts';
import { locate } from './source-text.ts';
import { type Validator, validators } from './validators.generated.js';
import type { WrittenStage } from './written-stage.ts';

export interface UsedKind {
  /** Its name, or the path of its module from the root. */
  readonly key: string;
  readonly kind: StageKind;
  readonly validate: Validator;
  /** Schema of the settings; read only to explain a refusal. */
  readonly schema: () => JsonObject;
}

export interface KnownKinds {
  /** Built-in kinds by name. */
  readonly kinds: ReadonlyMap<string, StageKind>;
  /** Kinds that the file brings. */
  readonly customKinds: CustomKinds;
  /** Project root. */
  readonly root: string;
}

/** The kind of each stage, by the stage's name. */
export function kindsOf(
  stages: readonly WrittenStage[],
  options: KnownKinds,
  problems: Diagnostic[],
): ReadonlyMap<string, UsedKind> {
  const used = new Map<string, UsedKind>();
  for (const { name, key: at, body } of stages) {
    const node = memberOf(body, 'kind');
    const word = textOf(node);
    // A missing one is told by the schema.
    if (word === undefined) continue;
    const key = node && isModulePath(word) ? moduleKey(options.root, node, word) : word;
    const custom = options.customKinds.get(key);
    const builtIn = options.kinds.get(key);
    if (custom) used.set(name, { key, kind: custom.kind, validate: custom.validate, schema: () => custom.schema });
    else if (builtIn)
      used.set(name, { key, kind: builtIn, validate: validatorOf(key), schema: () => settingsSchema(key) });
    else if (isModulePath(word)) {
      // One that could not be imported has been reported; this one has a name that was not there before substitution.
      const location = locate(node?.place ?? at);
      const told = problems.some(({ code, location: other }) => code === 'P032' && isDeepStrictEqual(other, location));
      if (!told) problems.push(problem('P032', `${name}: write the path of a module itself`, { location }));
    } else {
      const known = [...options.kinds.keys()];
      const help = [didYouMean(word, known), `kinds: ${known.join(', ')}, or a module: ./stages/my-stage.js`]
        .filter(Boolean)
        .join(' ');
      problems.push(
        problem('P023', `${name}: there is no stage kind "${word}"`, { location: locate(node?.place ?? at), help }),
      );
    }
  }
  return used;
}

/** The published schema of a kind's settings, or of `pipeline`. */
export function settingsSchema(kind: string): JsonObject {
  const schema = publishedSettings(kind);
  if (!schema) throw new Error(`schemas/pipeline.schema.json has no definition of ${kind}`);
  return schema;
}

/** The generated validator of a kind, or of `pipeline`. */
export function validatorOf(name: string): Validator {
  const validator = validators[name];
  if (!validator) throw new Error(`there is no validator of ${name}; \`npm run build\` makes it`);
  return validator;
}

/** One stage's settings: substituted, checked by the schema of its kind, and as the rest of the program sees them. */
import { resolve } from 'node:path';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { isInside } from '../files/project.ts';
import type { StageKind } from '../stages/stage-kind.ts';
import { environmentOf, withTypedEnvironment } from './environment-values.ts';
import type { From, GraphStage } from './graph.ts';
import { folderOf, jsonOf, keysOf, type Located, type LocatedMap, memberOf, nearestAt, scalarsOf } from './located.ts';
import type { ExpandedStage } from './matrix.ts';
import type { StageConfig } from './pipeline-config.ts';
import { pathOfKey, schemaProblems } from './schema-problems.ts';
import { locate } from './source-text.ts';
import { substitute, type Variables } from './substitute.ts';
import type { UsedKind } from './used-kinds.ts';

export interface CheckedStage extends GraphStage {
  readonly key: string;
  readonly settings: LocatedMap;
}

/** The stage with its settings; nothing where they are no map. Problems are added to the list. */
export function checkedStage(
  stage: ExpandedStage,
  kinds: ReadonlyMap<string, UsedKind>,
  variables: Variables,
  root: string,
  problems: Diagnostic[],
): readonly CheckedStage[] {
  const used = kinds.get(stage.written.name);
  if (!used) return [];
  const values = [...stage.choice.values()].map(({ name, value }) => [name, value] as const);
  const given = memberOf(stage.written.body, 'with') ?? { type: 'map', members: new Map(), place: stage.written.key };
  const substituted = substitute(given, { variables, ...(values.length > 0 && { matrix: new Map(values) }) });
  // Anything but a map is told by the schema of the file.
  if (substituted.type !== 'map') return [];
  const accepted = used.validate(jsonOf(substituted));
  const settings = accepted ? substituted : withTypedEnvironment(substituted);
  if (!accepted && !used.validate(jsonOf(settings))) problems.push(...settingsProblems(stage, used, settings, kinds));
  problems.push(...outputsOutside(stage.name, used.kind, settings, root));
  return settings.type === 'map' ? [{ stage, kind: used.kind, key: used.key, settings }] : [];
}

function settingsProblems(
  stage: ExpandedStage,
  used: UsedKind,
  settings: Located,
  kinds: ReadonlyMap<string, UsedKind>,
): readonly Diagnostic[] {
  const belongs = (key: string, keys: readonly string[]) => {
    const own = pathOfKey(used.schema(), key);
    if (own && own.slice(0, -1).join('.') !== keys.join('.'))
      return `"${key}" belongs to ${['with', ...own].slice(0, -1).join('.')}`;
    const elsewhere = [...kinds].filter(
      ([name, other]) => name !== stage.written.name && pathOfKey(other.schema(), key)?.length === 1,
    );
    return elsewhere.length > 0
      ? `"${key}" belongs to ${elsewhere
          .slice(0, 3)
          .map(([name, other]) => `${name} (${other.key})`)
          .join(' or ')}`
      : undefined;
  };
  return schemaProblems(used.schema(), settings, { what: `${stage.name} (${used.key})`, kind: used.key, belongs });
}

/** Outputs that would lie outside of the project. Bare names go to `results/<pipeline>/`. */
function outputsOutside(stage: string, kind: StageKind, settings: Located, root: string): readonly Diagnostic[] {
  return (kind.outputParams ?? []).flatMap((key) => {
    const outputs = memberOf(settings, key);
    return [...(outputs ? scalarsOf(outputs) : [])].flatMap(({ scalar }) => {
      if (typeof scalar.value !== 'string' || isInside(root, resolve(folderOf(scalar), scalar.value))) return [];
      return [
        problem('P030', `${stage}: ${key} lies outside of the project`, {
          location: locate(scalar.place),
          help: 'give a path inside of it, or a name, which goes to results/',
        }),
      ];
    });
  });
}

/** A checked stage as the rest of the program sees it. */
export function stageConfig({ stage, key, settings }: CheckedStage, from: From): StageConfig {
  const { values, pointers } = environmentOf(settings);
  const matrix = [...stage.choice.values()].map(({ name, value }) => [name, jsonOf(value)] as const);
  const seed = matrix.find(([name]) => name === 'seed')?.[1];
  return {
    name: stage.name,
    kind: key,
    ...(typeof seed === 'number' && { seed }),
    from,
    with: jsonOf(settings),
    environment: values,
    environmentPointers: pointers,
    ...(matrix.length > 0 && { matrix: { stage: stage.written.name, values: Object.fromEntries(matrix) } }),
    location: (pointer = '') => locate(pointer === '' ? stage.written.key : nearestAt(settings, keysOf(pointer)).place),
    baseDirectory: (pointer = '') => folderOf(nearestAt(settings, keysOf(pointer))),
  };
}

/** The list of stage kinds. Light: definitions only, their bodies load when they run. */
import type { StageKind } from './stage-kind.ts';

const list: readonly StageKind[] = [];

/** Built-in stage kinds by name. */
export const stageKinds: ReadonlyMap<string, StageKind> = new Map(list.map((kind) => [kind.kind, kind]));

/** The list of stage kinds. Light: definitions only, their bodies load when they run. */
import { evaluate } from './evaluate/index.ts';
import { exec } from './exec/index.ts';
import { exportFeatures } from './export-features/index.ts';
import { predict } from './predict/index.ts';
import type { StageKind } from './stage-kind.ts';
import { trainHead } from './train-head/index.ts';

const list: readonly StageKind[] = [trainHead, predict, evaluate, exportFeatures, exec];

/** Built-in stage kinds by name. */
export const stageKinds: ReadonlyMap<string, StageKind> = new Map(list.map((kind) => [kind.kind, kind]));

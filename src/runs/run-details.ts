/** What a run record keeps beside itself, `details.json`: for `show`, `report` and whoever asks a year later. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonArray, isJsonObject, type Json } from '../base/json.ts';
import type { Plan, PlannedStage } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import type { EpochRecord } from '../stages/artifacts.ts';
import { shownSettings } from './locked-stage.ts';
import type { Machine } from './machine.ts';
import type { WorkTreeState } from './work-tree-state.ts';

export interface RunDetails {
  readonly format: 1;
  readonly pipeline: {
    readonly name: string;
    readonly description: string;
    readonly seed: number;
    /** Resolved: every default written out, values from the environment as `env:NAME`. */
    readonly stages: Readonly<Record<string, { readonly kind: string; readonly from: Json; readonly with: Json }>>;
  };
  /** Null for a run that found everything cached. */
  readonly machine: Machine | null;
  /** Of models that this run made or found: training, epoch by epoch. */
  readonly curves: Readonly<Record<string, readonly EpochRecord[]>>;
  /** Blobs behind the artifacts of each stage. */
  readonly artifacts: Readonly<Record<string, readonly string[]>>;
  /** Absent where nobody looked. */
  readonly changes?: Omit<WorkTreeState, 'patch' | 'dirty'>;
}

export function detailsOf(
  plan: Plan,
  workspace: Workspace,
  machine: Machine | null,
  state: WorkTreeState | undefined,
): RunDetails {
  const { name, description, seed } = plan.config;
  const curves: Record<string, readonly EpochRecord[]> = {};
  const artifacts: Record<string, readonly string[]> = {};
  for (const stage of plan.stages) {
    const entry = stage.status === 'cached' ? stage.entry : workspace.cache.entries.read(stage.fingerprint);
    if (!entry) continue;
    if (entry.blobs.length > 0) artifacts[stage.name] = entry.blobs;
    for (const artifact of Object.values(entry.artifacts)) {
      const history = historyIn(artifact);
      if (history) curves[stage.name] = history;
    }
  }
  const { patch, dirty, ...changes } = state ?? {};
  const stages = Object.fromEntries(plan.stages.map((stage) => [stage.name, writtenOut(stage)]));
  return {
    format: 1,
    pipeline: { name, description, seed, stages },
    machine,
    curves,
    artifacts,
    ...(state && { changes: { patchBytes: 0, untracked: [], ...changes } }),
  };
}

function writtenOut(stage: PlannedStage) {
  const from = Object.fromEntries(
    Object.entries(stage.inputs).map(([port, input]) => [port, `${input.stage}.${input.artifact}`]),
  );
  return { kind: stage.config.kind, from, with: shownSettings(stage, '') };
}

function historyIn(artifact: object): readonly EpochRecord[] | undefined {
  return 'history' in artifact && Array.isArray(artifact.history) && artifact.history.length > 0
    ? artifact.history
    : undefined;
}

/** Undefined where a run has none, as those of older versions, or where it is damaged. */
export function readDetails(runs: string, id: string): RunDetails | undefined {
  try {
    const details: RunDetails = JSON.parse(readFileSync(join(runs, id, 'details.json'), 'utf8'));
    return details.format === 1 && isJsonObject(details.curves) && isJsonObject(details.pipeline) ? details : undefined;
  } catch {
    return undefined;
  }
}

/** The log of a run, an event a line; empty where it has none. */
export function readLog(runs: string, id: string): readonly Json[] {
  try {
    const text = readFileSync(join(runs, id, 'log.jsonl'), 'utf8');
    return text.split('\n').flatMap((line): readonly Json[] => (line === '' ? [] : [JSON.parse(line)]));
  } catch {
    return [];
  }
}

/** A setting of the resolved pipeline by its dotted path below a stage. */
export function settingAt(value: Json | undefined, keys: readonly string[]): Json | undefined {
  const [key, ...rest] = keys;
  if (key === undefined || value === undefined) return value;
  if (isJsonArray(value)) return settingAt(value[Number(key)], rest);
  return isJsonObject(value) && Object.hasOwn(value, key) ? settingAt(value[key], rest) : undefined;
}

/** How long stages will take, going by how long they took: earlier runs of the pipeline, and what of the plan is cached. */
import type { Json } from '../base/json.ts';
import { pathFromRoot } from '../files/project.ts';
import type { Plan, PlannedStage } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import { leavesOf } from './run-query.ts';
import { readRunRecords } from './run-record.ts';

/** A stage that ran once, as a record keeps it. */
export interface MeasuredStage {
  readonly kind: string;
  readonly ms: number;
  /** Its settings. */
  readonly with: Json;
  /** Rows that it computed, where it keeps rows. */
  readonly rows?: number;
}

interface Measured {
  readonly ms: number;
  readonly settings: Readonly<Record<string, Json>>;
  /** Rows that it computed, where it keeps rows. */
  readonly rows: number | undefined;
}

export interface Prediction {
  /** Milliseconds of each stage that something is known about. */
  readonly stages: ReadonlyMap<PlannedStage, number>;
  /** Kinds that nothing is known about. */
  readonly unknown: readonly string[];
}

/** Records that are looked at, and stages of a kind that are remembered, the newest first. */
const MOST_RECORDS = 50;
const MOST_MEASURED = 30;

/**
 * @param newRows rows that each stage with a row space would compute
 * @param more stages that ran elsewhere than in a recorded run
 */
export function predictTime(
  plan: Plan,
  workspace: Workspace,
  newRows: (stage: PlannedStage) => number | undefined,
  more: readonly MeasuredStage[] = [],
): Prediction {
  const known = measuredIn(plan, workspace, more);
  const unknown = new Set<string>();
  const stages = new Map<PlannedStage, number>();
  for (const stage of plan.stages) {
    if (stage.status !== 'run') continue;
    const predicted = predictStage(stage, newRows(stage), known.get(stage.kind.kind) ?? []);
    if (predicted === undefined) unknown.add(stage.kind.kind);
    else stages.set(stage, predicted);
  }
  return { stages, unknown: [...unknown] };
}

/** By the stage whose settings are the closest: its time a row where there are rows, else a time an epoch where there are epochs. */
function predictStage(
  stage: PlannedStage,
  rows: number | undefined,
  measured: readonly Measured[],
): number | undefined {
  const settings = leavesOf(stage.record.with, '');
  let closest: Measured | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of measured) {
    if (rows !== undefined && candidate.rows === undefined) continue;
    const differing = differences(settings, candidate.settings);
    if (differing < least) [closest, least] = [candidate, differing];
  }
  if (!closest) return undefined;
  if (rows !== undefined) return (closest.ms / (closest.rows ?? 1)) * rows;
  const [before, now] = [closest.settings[EPOCHS], settings[EPOCHS]];
  return typeof before === 'number' && typeof now === 'number' ? (closest.ms / before) * now : closest.ms;
}

const EPOCHS = '.epochs';

function differences(a: Readonly<Record<string, Json>>, b: Readonly<Record<string, Json>>): number {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  keys.delete(EPOCHS);
  let count = 0;
  for (const key of keys) if (JSON.stringify(a[key]) !== JSON.stringify(b[key])) count++;
  return count;
}

function measuredIn(
  plan: Plan,
  { project }: Workspace,
  more: readonly MeasuredStage[],
): ReadonlyMap<string, readonly Measured[]> {
  const wanted = new Set(plan.stages.flatMap(({ status, kind }) => (status === 'run' ? [kind.kind] : [])));
  const known = new Map<string, Measured[]>([...wanted].map((kind) => [kind, []]));
  const note = (kind: string, ms: number, settings: Json, rows: number | undefined) => {
    const measured = known.get(kind);
    if (measured && measured.length < MOST_MEASURED && rows !== 0)
      measured.push({ ms, rows, settings: leavesOf(settings, '') });
  };
  for (const { entry, kind, record } of plan.stages)
    if (entry) note(kind.kind, entry.durationMs, record.with, entry.rows?.computed);
  const pipeline = pathFromRoot(project.root, plan.config.path);
  let looked = 0;
  for (const run of readRunRecords(project.runs)) {
    if (++looked > MOST_RECORDS) break;
    if (run.pipeline !== pipeline) continue;
    for (const [name, { status, durationMs, rows }] of Object.entries(run.summary.stages)) {
      const record = run.records[name];
      if (record && status === 'ran') note(record.kind, durationMs, record.with, rows?.computed);
    }
  }
  for (const { kind, ms, with: settings, rows } of more) note(kind, ms, settings, rows);
  return known;
}

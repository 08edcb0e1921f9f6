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
  readonly settings: Leaves;
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
const MOST_MEASURED = 10;

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
  for (const [kind, measured] of known) {
    const all = plan.stages.filter((stage) => stage.status === 'run' && stage.kind.kind === kind);
    if (measured.length === 0 && all.length > 0) unknown.add(kind);
    const asked = sampleOf(all);
    const predicted = asked.map((stage) => predictStage(stage, newRows(stage), measured));
    if (predicted.includes(undefined)) unknown.add(kind);
    const mean = predicted.reduce((sum: number, ms) => sum + (ms ?? 0), 0) / asked.length;
    if (unknown.has(kind)) continue;
    if (asked.length < all.length) for (const stage of all) stages.set(stage, mean);
    else
      asked.forEach((stage, i) => {
        stages.set(stage, predicted[i] ?? mean);
      });
  }
  return { stages, unknown: [...unknown] };
}

/** Of so many stages that asking each takes long, some that lie anywhere: neighbours in a grid are alike. */
function sampleOf(stages: readonly PlannedStage[]): readonly PlannedStage[] {
  if (stages.length <= 2 * SAMPLE) return stages;
  return Array.from({ length: SAMPLE }, (_, i) => stages[(i * STRIDE) % stages.length]).filter(
    (stage) => stage !== undefined,
  );
}

const SAMPLE = 500;
/** A prime, so that all stages are as likely. */
const STRIDE = 7919;

/** By the stage whose settings are the closest: its time a row where there are rows, else a time an epoch where there are epochs. */
function predictStage(
  stage: PlannedStage,
  rows: number | undefined,
  measured: readonly Measured[],
): number | undefined {
  const settings = leavesIn(stage.record.with);
  let closest: Measured | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of measured) {
    if (rows !== undefined && candidate.rows === undefined) continue;
    const differing = differences(settings, candidate.settings, least) + epochDistance(settings, candidate.settings);
    if (differing < least) [closest, least] = [candidate, differing];
  }
  if (!closest) return undefined;
  if (rows !== undefined) return (closest.ms / (closest.rows ?? 1)) * rows;
  const [before, now] = [Number(closest.settings.get(EPOCHS)), Number(settings.get(EPOCHS))];
  return before > 0 && now > 0 ? (closest.ms / before) * now : closest.ms;
}

const EPOCHS = '.epochs';

/** Settings of one that the other has otherwise or not at all, the epochs left out; no more than `most` are counted. */
function differences(one: Leaves, other: Leaves, most: number): number {
  let count = 0;
  let shared = 0;
  for (const [path, value] of one) {
    const has = other.get(path);
    if (has !== undefined) shared++;
    if (has !== value && path !== EPOCHS && ++count >= most) return count;
  }
  return count + other.size - shared;
}

/** Less than any difference, and the less the nearer the epochs: what a training takes besides them weighs the less. */
function epochDistance(one: Leaves, other: Leaves): number {
  const ratio = Number(one.get(EPOCHS)) / Number(other.get(EPOCHS));
  return ratio > 0 ? Math.min(0.9, Math.abs(Math.log2(ratio)) / 20) : 0;
}

/** Scalars by path, as JSON. */
type Leaves = ReadonlyMap<string, string>;

function leavesIn(settings: Json): Leaves {
  return new Map(Object.entries(leavesOf(settings, '')).map(([path, value]) => [path, JSON.stringify(value)]));
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
      measured.push({ ms, rows, settings: leavesIn(settings) });
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

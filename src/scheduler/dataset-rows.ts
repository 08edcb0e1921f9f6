/** Row tables and image sources behind the stages of a plan, without running anything where that is possible. */

import type { ImageSource } from '../data/image-source.ts';
import { RowTable } from '../data/row-table.ts';
import { artifactOf, type Plan, type PlannedStage, stageOf } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';

/** The table of the rows that a stage gives, or undefined where only a run can tell. */
export async function plannedRows(
  plan: Plan,
  stage: PlannedStage,
  workspace: Workspace,
): Promise<RowTable | undefined> {
  const cached = stage.entry && artifactOf(stage.entry, mainArtifact(stage));
  if (cached && 'rows' in cached) {
    const bytes = await workspace.cache.blobs.get(cached.rows);
    if (bytes) return RowTable.decode(bytes);
  }
  if (stage.resolved.rows) {
    const listed = await stage.resolved.rows();
    return listed.ok ? listed.value : undefined;
  }
  const source = sourceOf(plan, stage);
  const input = source && (await plannedRows(plan, source, workspace));
  if (!input || !stage.kind.deriveRows) return input;
  const derived = stage.kind.deriveRows(stage.params, input, stage.seed);
  return derived.ok ? derived.value : undefined;
}

/** Where the pixels of a stage's dataset come from: the ingest stage that it goes back to. */
export function imageSource(plan: Plan, stage: PlannedStage): ImageSource | undefined {
  if (stage.resolved.images) return stage.resolved.images;
  const source = sourceOf(plan, stage);
  return source && imageSource(plan, source);
}

/** The stage whose rows a stage carries on: the one behind its dataset-like port. */
function sourceOf(plan: Plan, stage: PlannedStage): PlannedStage | undefined {
  const port = Object.entries(stage.kind.ports).find(([, { accepts }]) =>
    accepts.some((type) => type === 'dataset' || type === 'images' || type === 'features'),
  )?.[0];
  const input = port === undefined ? undefined : stage.inputs[port];
  return input && stageOf(plan, input.stage);
}

export function mainArtifact(stage: PlannedStage): string {
  return Object.keys(stage.kind.gives)[0] ?? '';
}

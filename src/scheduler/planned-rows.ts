/** How many rows of its row space a stage would find, told without running anything. */
import type { Digest } from '../base/digest.ts';
import { parseDigest } from '../base/digest.ts';
import { artifactOf, type Plan, type PlannedStage, stageOf } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import type { Artifact, ArtifactOf, ArtifactType } from '../stages/artifacts.ts';
import type { CountContext, RowCounts } from '../stages/stage-kind.ts';
import { plannedRows } from './dataset-rows.ts';

const UNKNOWN: Digest = parseDigest('0'.repeat(64));

/** Rows that were counted, so that those which several stages of a sweep look for count once. */
export class CountedRows {
  readonly #spaces = new Map<string, Set<string>>();

  /** @returns whether the row had not been counted. */
  add(space: string, key: Uint8Array): boolean {
    const keys = this.#spaces.get(space) ?? new Set();
    this.#spaces.set(space, keys);
    const before = keys.size;
    return keys.add(Buffer.from(key).toString('latin1')).size > before;
  }
}

/** @param counted what earlier stages would have made by then; by default, the stage is by itself */
export async function countPlannedRows(
  plan: Plan,
  stage: PlannedStage,
  workspace: Workspace,
  counted?: CountedRows,
): Promise<RowCounts | undefined> {
  if (stage.status !== 'run' || !stage.kind.keepsRows) return undefined;
  const body = await stage.kind.loadBody();
  if (!body.countRows) return undefined;
  const behind = (port: string) => {
    const input = stage.inputs[port];
    return input && { input, source: stageOf(plan, input.stage) };
  };
  const context: CountContext = {
    input<T extends ArtifactType>(port: string, type: T): ArtifactOf<T> | undefined {
      const found = behind(port);
      if (!found) return undefined;
      const { source, input } = found;
      const artifact = source.entry
        ? artifactOf(source.entry, input.artifact)
        : source.kind.preview?.(source.params, UNKNOWN);
      return artifact && isOfType(artifact, type) ? artifact : undefined;
    },
    async rows(port) {
      const found = behind(port);
      return found && plannedRows(plan, found.source, workspace);
    },
    resolved: stage.resolved,
    rowStore: workspace.cache.rowStore,
    home: workspace.project.home,
    isNew: (space, key) => counted?.add(space, key) ?? true,
  };
  return body.countRows(stage.params, context);
}

function isOfType<T extends ArtifactType>(artifact: Artifact, type: T): artifact is ArtifactOf<T> {
  return artifact.type === type;
}

/** How the trainings of a plan will be grouped: those that read the same batches go through them side by side. */
import { artifactOf, type Plan, type PlannedStage } from '../plan/plan.ts';
import { MOST_TOGETHER, StageGroups } from '../scheduler/stage-groups.ts';
import type { Artifact } from '../stages/artifacts.ts';
import { GROUP_BYTES } from '../stages/training/memory-estimate.ts';

export interface TrainingGroups {
  readonly trainings: number;
  /** At the same time, at most. */
  readonly together: number;
  /** Groups, one after another. */
  readonly groups: number;
  /** Memory that the process takes at most, with the largest group. */
  readonly bytes: number;
}

/** Of more stages it is not told: asking each what it shares would take longer than planning it. */
const MOST_ASKED = 2000;

/** Undefined where no two trainings share anything, or what they read is not there yet. */
export function trainingGroups({ stages }: Plan): TrainingGroups | undefined {
  if (stages.length > MOST_ASKED) return undefined;
  const byName = new Map(stages.map((stage) => [stage.name, stage]));
  const alike = new Map<string, PlannedStage[]>();
  for (const stage of stages) {
    if (stage.status !== 'run') continue;
    const together = stage.kind.together?.(stage.params, artifactsBehind(stage, byName));
    if (!together) continue;
    const reads = Object.values(stage.record.inputs).map(String).sort().join(' ');
    const key = `${stage.kind.kind} ${reads} ${stage.seed} ${together.key}`;
    const found = alike.get(key);
    if (found) found.push(stage);
    else alike.set(key, [stage]);
  }
  let [trainings, most, groups, bytes] = [0, 0, 0, 0];
  for (const members of alike.values()) {
    const first = firstGroup(members.slice(0, MOST_TOGETHER), byName);
    trainings += members.length;
    groups += Math.ceil(members.length / first.size);
    most = Math.max(most, first.size);
    bytes = Math.max(bytes, first.bytes);
  }
  return most > 1 ? { trainings, together: most, groups, bytes } : undefined;
}

/** As the walk of the plan would do it. */
function firstGroup(members: readonly PlannedStage[], byName: ReadonlyMap<string, PlannedStage>) {
  const groups = new StageGroups();
  let [size, bytes] = [0, GROUP_BYTES];
  for (const stage of members) {
    const inputs = artifactsBehind(stage, byName);
    if (!groups.mayStart(stage, inputs, 1)) break;
    groups.enter(stage, inputs);
    size++;
    bytes += stage.kind.together?.(stage.params, inputs)?.bytes ?? 0;
  }
  return { size: Math.max(1, size), bytes };
}

function artifactsBehind(
  { inputs }: PlannedStage,
  byName: ReadonlyMap<string, PlannedStage>,
): Readonly<Record<string, Artifact>> {
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([port, input]) => {
      const entry = byName.get(input.stage)?.entry;
      const artifact = entry && artifactOf(entry, input.artifact);
      return artifact ? [[port, artifact] as const] : [];
    }),
  );
}

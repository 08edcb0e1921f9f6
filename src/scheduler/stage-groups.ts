/** Which stages run at the same time: at most `jobs` groups; within a group all that read the same batches, as far as memory goes. */
import type { PlannedStage } from '../plan/plan.ts';
import type { Artifact } from '../stages/artifacts.ts';
import { GROUP_BYTES, memoryLimit } from '../stages/training/memory-estimate.ts';
import type { EngineGroup } from './engine-pool.ts';

/** Members of a group, at most. */
export const MOST_TOGETHER = 32;
/** Part of the memory that a group may take. */
const SHARE = 0.5;

type Artifacts = Readonly<Record<string, Artifact>>;

interface Membership extends EngineGroup {
  readonly bytes: number;
}

export class StageGroups {
  readonly #active = new Map<string, Membership>();
  /** Of stages that are done: the group that they ran in. */
  readonly #done = new Map<string, Membership>();
  readonly #limit: number;

  constructor(limit: number = memoryLimit() * SHARE) {
    this.#limit = limit;
  }

  /** Whether a stage may start now, beside those that run. */
  mayStart(stage: PlannedStage, inputs: Artifacts, jobs: number): boolean {
    const groups = this.#groups();
    const own = this.#membershipOf(stage, inputs);
    if (!groups.has(own.key)) return groups.size < jobs;
    const members = [...this.#active.values()].filter(({ key }) => key === own.key);
    const bytes = members.reduce((sum, member) => sum + member.bytes, GROUP_BYTES + own.bytes);
    return members.length < MOST_TOGETHER && bytes <= this.#limit;
  }

  enter(stage: PlannedStage, inputs: Artifacts): void {
    this.#active.set(stage.name, this.#membershipOf(stage, inputs));
  }

  leave(stage: PlannedStage): void {
    const group = this.of(stage);
    if (group) this.#done.set(stage.name, { ...group, bytes: 0 });
    this.#active.delete(stage.name);
  }

  /** The group of a stage that runs with others on one engine; undefined where it is by itself. */
  of(stage: PlannedStage): EngineGroup | undefined {
    const group = this.#active.get(stage.name);
    return group?.key === stage.name ? undefined : group;
  }

  #groups(): ReadonlySet<string> {
    return new Set([...this.#active.values()].map(({ key }) => key));
  }

  #membershipOf(stage: PlannedStage, inputs: Artifacts): Membership {
    return this.#scored(stage) ?? membershipOf(stage, inputs);
  }

  /** The group whose other members still train, where a stage scores one that is done: scores do not wait for all of them. */
  #scored(stage: PlannedStage): Membership | undefined {
    if (!stage.kind.metricNames) return undefined;
    const groups = this.#groups();
    const behind = Object.values(stage.inputs).map((input) => this.#done.get(input.stage));
    return behind.find((group) => group !== undefined && groups.has(group.key));
  }
}

/** A stage that shares nothing is a group by itself, called by its name. */
function membershipOf(stage: PlannedStage, inputs: Artifacts): Membership {
  const together = stage.kind.together?.(stage.params, inputs);
  if (!together) return { key: stage.name, bytes: 0, light: false };
  const reads = Object.values(stage.record.inputs).map(String).sort().join(' ');
  return { ...together, key: `${stage.kind.kind} ${reads} ${stage.seed} ${together.key}` };
}

import { type Plan, type PlannedStage, stageOf } from '../plan/plan.ts';
import type { Origin } from '../stages/stage-kind.ts';

/** The stages that a stage goes back to, those that are read before those that read them. */
export function originOf(plan: Plan, stage: PlannedStage): Origin {
  const behind = new Set<PlannedStage>();
  const visit = (reader: PlannedStage) => {
    for (const input of Object.values(reader.inputs)) {
      const read = stageOf(plan, input.stage);
      if (!behind.has(read)) visit(read);
    }
    behind.add(reader);
  };
  visit(stage);
  const stages = [...behind].map(({ name, kind, fingerprint, record, inputs }) => ({
    name,
    kind: kind.kind,
    fingerprint,
    with: record.with,
    reads: Object.values(inputs).map((input) => input.stage),
  }));
  return { pipeline: plan.config.name, stages };
}

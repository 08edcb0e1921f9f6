/** All trials as one plan: a stage with the same fingerprint is there once, whoever needs it. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import type { Fingerprint } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import { overrideOf } from '../config/overrides.ts';
import type { OpenedFile, ParsedPipeline } from '../config/parse-pipeline.ts';
import type { Place } from '../config/source-text.ts';
import { type DraftMemo, makePlan, type PlanOptions } from '../plan/make-plan.ts';
import type { Plan, PlannedStage } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import { showSettings, type Trial } from './trial.ts';

export interface PlannedTrial {
  readonly trial: Trial;
  /** For each run of the trial: the name in the plan of the stage that gives the goal. */
  readonly goals: readonly string[];
  /** Names in the plan of all stages behind the goals. */
  readonly stages: readonly (readonly string[])[];
}

export interface SweepPlan {
  readonly plan: Plan;
  readonly trials: readonly PlannedTrial[];
}

export interface PlanTrialsContext {
  readonly file: OpenedFile;
  readonly base: ParsedPipeline;
  readonly workspace: Workspace;
  readonly options: Omit<PlanOptions, 'targets'>;
  /** The stage whose metric the sweep is about. */
  readonly goal: string;
  /** Where a path is given. */
  place(path: string): Place;
  /** Remembered over rounds: drafts, and what each stage is called in the plans. */
  readonly memo: DraftMemo;
  readonly names: Map<Fingerprint, string>;
}

/** Plans trials. The first one that the schema or the graph refuses is named with its settings. */
export async function planTrials(
  trials: readonly Trial[],
  context: PlanTrialsContext,
): Promise<Result<SweepPlan, readonly Diagnostic[]>> {
  const nodes = new Map<Fingerprint, PlannedStage>();
  const { names } = context;
  const taken = new Set(names.values());
  const planned: PlannedTrial[] = [];
  for (const trial of trials) {
    const goals: string[] = [];
    const stages: string[][] = [];
    for (const settings of trial.runs) {
      const checked = context.file.check(
        settings.map(({ path, value }) => overrideOf(path, value, context.place(path))),
      );
      if (!checked.ok) return err(checked.error.map((diagnostic) => ofTrial(diagnostic, trial)));
      const options = { ...context.options, targets: [context.goal], drafts: context.memo };
      const plan = await makePlan(checked.value.config, context.workspace, options);
      if (!plan.ok) return err(plan.error.map((diagnostic) => ofTrial(diagnostic, trial)));
      for (const stage of plan.value.stages) {
        if (names.has(stage.fingerprint)) continue;
        const name = taken.has(stage.name) ? `${stage.name}#${stage.fingerprint.slice(0, 8)}` : stage.name;
        taken.add(name);
        names.set(stage.fingerprint, name);
      }
      const nameOf = (own: string) => {
        const stage = plan.value.stages.find((candidate) => candidate.name === own);
        return (stage && names.get(stage.fingerprint)) ?? own;
      };
      for (const stage of plan.value.stages) addNode(nodes, stage, nameOf);
      goals.push(nameOf(context.goal));
      stages.push(plan.value.stages.map(({ name }) => nameOf(name)));
    }
    planned.push({ trial, goals, stages });
  }
  return ok({ plan: { config: context.base.config, stages: [...nodes.values()] }, trials: planned });
}

/** A stage that one trial has cached and another has to make for its own sake is made: `run` wins. */
function addNode(nodes: Map<Fingerprint, PlannedStage>, stage: PlannedStage, nameOf: (name: string) => string): void {
  const known = nodes.get(stage.fingerprint);
  if (known && (known.status === stage.status || known.status === 'run' || stage.status === 'not-needed')) return;
  const inputs = Object.fromEntries(
    Object.entries(stage.inputs).map(([port, input]) => [port, { ...input, stage: nameOf(input.stage) }]),
  );
  nodes.set(stage.fingerprint, { ...stage, name: nameOf(stage.name), inputs });
}

function ofTrial(diagnostic: Diagnostic, trial: Trial): Diagnostic {
  const { message, help, location } = diagnostic;
  const code = diagnostic.code === 'U003' ? 'P034' : diagnostic.code;
  return problem(code, `trial ${trial.number} (${showSettings(trial.settings)}): ${message.replace(/^--set /, '')}`, {
    help,
    location,
  });
}

/** All trials as one plan: a stage with the same fingerprint is there once, whoever needs it. */
import { type Diagnostic, type Location, problem } from '../base/diagnostic.ts';
import type { Fingerprint } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import { overrideOf } from '../config/overrides.ts';
import type { OpenedFile, ParsedPipeline } from '../config/parse-pipeline.ts';
import type { Place } from '../config/source-text.ts';
import { type DraftMemo, makePlan, type PlanOptions } from '../plan/make-plan.ts';
import { type Plan, type PlannedStage, stageOf } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import { type Goal, missingMetric } from './goal.ts';
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
  readonly goal: Goal;
  /** Where the file says it, if it does. */
  readonly goalAt: Location | undefined;
  /** A place that stands for the one where a path is given, in the diagnostics of a trial. */
  place(path: string): Place;
  /** Where the file gives a path, if it does. */
  overAt(path: string): Location | undefined;
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
      if (!checked.ok) return err(checked.error.map((diagnostic) => ofTrial(diagnostic, trial, context)));
      const options = { ...context.options, targets: [context.goal.stage], drafts: context.memo };
      const plan = await makePlan(checked.value.config, context.workspace, options);
      if (!plan.ok) return err(plan.error.map((diagnostic) => ofTrial(diagnostic, trial, context)));
      const missing = missingGoal(plan.value, context);
      if (missing) return err([trial.number === 1 ? missing : ofTrial(missing, trial, context)]);
      const inPlan = new Map<string, string>();
      for (const stage of plan.value.stages) {
        const known = names.get(stage.fingerprint);
        const name = known ?? (taken.has(stage.name) ? `${stage.name}#${stage.fingerprint.slice(0, 8)}` : stage.name);
        inPlan.set(stage.name, name);
        if (known) continue;
        taken.add(name);
        names.set(stage.fingerprint, name);
      }
      const nameOf = (own: string) => inPlan.get(own) ?? own;
      for (const stage of plan.value.stages) addNode(nodes, stage, nameOf);
      goals.push(nameOf(context.goal.stage));
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

/** A metric that the goal's stage, as the trial has it, does not give. */
function missingGoal(plan: Plan, { goal, goalAt }: PlanTrialsContext): Diagnostic | undefined {
  const { kind, params } = stageOf(plan, goal.stage);
  const names = kind.metricNames?.(params);
  const missing = names && missingMetric(goal, names);
  return missing && problem('P034', missing.message, { help: missing.help, location: goalAt });
}

function ofTrial(diagnostic: Diagnostic, trial: Trial, { place, overAt }: PlanTrialsContext): Diagnostic {
  const { message, help, location } = diagnostic;
  const code = diagnostic.code === 'U003' ? 'P034' : diagnostic.code;
  const own = trial.settings.find(({ path }) => place(path).source.shown === location?.file);
  return problem(code, `trial ${trial.number} (${showSettings(trial.settings)}): ${message.replace(/^--set /, '')}`, {
    help,
    location: own ? overAt(own.path) : location,
  });
}

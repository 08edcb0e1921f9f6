/** What a sweep is about: a metric of one stage, to be made small or large. */
import { didYouMean } from '../base/did-you-mean.ts';
import type { JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { PipelineConfig } from '../config/pipeline-config.ts';
import type { StageKind } from '../stages/stage-kind.ts';

export const directions = ['minimize', 'maximize'] as const;

export interface Goal {
  readonly stage: string;
  readonly metric: string;
  readonly direction: (typeof directions)[number];
}

interface Refusal {
  readonly message: string;
  readonly help: string;
}

/** `{ minimize: score.log-loss }`; by default the log-loss of the one stage that evaluates. */
export function readGoal(
  given: JsonObject,
  config: PipelineConfig,
  kinds: ReadonlyMap<string, StageKind>,
): Result<Goal, Refusal> {
  const scoring = config.stages.filter(({ kind }) => givesMetrics(kinds.get(kind)));
  const names = scoring.map(({ name }) => name);
  for (const direction of directions) {
    const path = given[direction];
    if (typeof path !== 'string') continue;
    // Names of a matrix' children may hold dots: the longest one that fits is meant.
    const [stage] = config.stages
      .filter(({ name }) => path === name || path.startsWith(`${name}.`))
      .sort((a, b) => b.name.length - a.name.length);
    if (!stage) {
      const [asked = ''] = path.split('.');
      return refuse(
        `sweep.goal: there is no stage "${asked}"`,
        didYouMean(asked, names) ?? `stages that give metrics: ${names.join(', ') || 'none'}`,
      );
    }
    if (!scoring.includes(stage))
      return refuse(
        `sweep.goal: ${stage.name} (${stage.kind}) gives no metrics`,
        names.length > 0 ? `stages that do: ${names.join(', ')}` : 'add a stage of kind evaluate',
      );
    const metric = path.slice(stage.name.length + 1);
    if (metric !== '') return ok({ stage: stage.name, metric, direction });
    const kind = kinds.get(stage.kind);
    const metrics = kind?.metricNames?.(kind.complete(stage.with));
    return refuse(`sweep.goal: which metric of ${stage.name}?`, metrics ? `it gives ${metrics.join(', ')}` : example);
  }
  const [only] = scoring;
  if (only && scoring.length === 1) return ok({ stage: only.name, metric: 'log-loss', direction: 'minimize' });
  return refuse(
    names.length === 0
      ? 'no stage of this pipeline gives metrics to rank by'
      : `the sweep has no goal, and ${names.length} stages give metrics: ${names.join(', ')}`,
    names.length === 0 ? 'add a stage of kind evaluate' : `give ${example}`,
  );
}

const example = 'goal: { minimize: score.log-loss }, or --goal minimize:score.log-loss';

/** Stages that the goal's stage is made from, itself among them, by the names that the file gives them. */
export function stagesBehind({ stage }: Goal, { stages }: PipelineConfig): ReadonlySet<string> {
  const names = new Set([stage]);
  // A set goes on over what is added to it.
  for (const name of names) {
    const found = stages.find((candidate) => candidate.name === name);
    for (const input of Object.values(found?.from ?? {})) names.add(input.stage);
  }
  return new Set(stages.filter(({ name }) => names.has(name)).map(({ name, matrix }) => matrix?.stage ?? name));
}

function refuse(message: string, help: string): Result<never, Refusal> {
  return err({ message, help });
}

function givesMetrics(kind: StageKind | undefined): boolean {
  return kind !== undefined && Object.values(kind.gives).includes('metrics');
}

/** Why a stage that gives these metrics cannot serve the goal; undefined where it can. */
export function missingMetric({ stage, metric }: Goal, names: readonly string[]): Refusal | undefined {
  if (names.includes(metric)) return undefined;
  const help = didYouMean(metric, names);
  return {
    message: `sweep.goal: ${stage} gives no metric "${metric}"`,
    help: `${help ? `${help} ` : ''}It gives ${names.join(', ')}; \`metrics:\` of the stage can ask for more`,
  };
}

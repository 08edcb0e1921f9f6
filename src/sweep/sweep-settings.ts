/** The `sweep:` block and `--over`, checked and with every default written out. */
import { type Diagnostic, type Location, problem } from '../base/diagnostic.ts';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { PipelineConfig } from '../config/pipeline-config.ts';
import { SWEEP_STRATEGIES, type SweepStrategyName } from '../config/sweep-strategies.ts';
import type { StageKind } from '../stages/stage-kind.ts';
import { type Goal, readGoal, stagesBehind } from './goal.ts';
import { gridNumbers, gridPoints, gridSize, zipPoints } from './grid.ts';
import { readSpace, type Space } from './space.ts';
import { ASHA_ROUND, ashaStrategy } from './strategies/asha.ts';
import { halvingStrategy, halvingTrials, halvingWork } from './strategies/halving.ts';
import { randomPoint, randomStrategy } from './strategies/random.ts';
import { MOST_DIMENSIONS, sobolStrategy } from './strategies/sobol.ts';
import { STARTUP, tpeStrategy } from './strategies/tpe.ts';
import { fixed, type Strategy } from './strategy.ts';

export interface SweepSettings {
  readonly space: Space;
  readonly strategyName: SweepStrategyName;
  readonly strategy: Strategy;
  readonly goal: Goal;
  /** Runs of each combination. */
  readonly seeds: number;
  readonly trials: number;
  readonly minutes: number | undefined;
  readonly noImprovement: number | undefined;
  /** Trials, where all of them come to be tried; asynchronous halving may need a few more. */
  readonly combinations: number;
  /** The work of all trials, in units of that of the first round, which alone is known beforehand. */
  readonly wholeWork: number;
}

/** What a grid may hold where no limit is given. */
const DEFAULT_TRIALS = 1000;
/** Random trials where no limit is given. */
const DEFAULT_DRAWS = 20;

export interface Given {
  /** The block of the file, with what the command line says instead. */
  readonly block: JsonObject;
  /** The place of a part of the block, by pointer. */
  at(pointer: string): Location | undefined;
}

export function readSweep(
  { block, at }: Given,
  config: PipelineConfig,
  kinds: ReadonlyMap<string, StageKind>,
): Result<SweepSettings, Diagnostic> {
  const over = objectIn(block, 'over');
  const refuse = (code: 'P034' | 'P035', message: string, pointer: string, help: string) =>
    err(problem(code, message, { location: at(pointer), help }));
  if (Object.keys(over).length === 0)
    return refuse(
      'P035',
      'there is nothing to sweep over',
      'over',
      'give the file a `sweep:` block, or `--over head.batch=64,128`',
    );
  const space = readSpace(over);
  if (!space.ok) {
    const { code, message, help } = space.error.diagnostic;
    return err(problem(code, message, { help, location: at(`over/${space.error.path}`) }));
  }
  const goal = readGoal(objectIn(block, 'goal'), config, kinds);
  if (!goal.ok) return refuse('P034', goal.error.message, 'goal', goal.error.help);
  const behind = stagesBehind(goal.value, config);
  const idle = space.value.paths.find((path) => {
    const [stage = ''] = path.split('.');
    return stagesNamed(config).has(stage) && !behind.has(stage);
  });
  if (idle !== undefined)
    return refuse(
      'P034',
      `sweep.over: "${idle}" changes nothing about ${goal.value.stage}.${goal.value.metric}`,
      `over/${idle}`,
      `the goal hangs on ${[...behind].join(', ')}`,
    );
  const strategyName = SWEEP_STRATEGIES.find((name) => name === block['strategy']) ?? 'grid';
  const limit = objectIn(block, 'limit');
  const enumerated = strategyName === 'grid' || strategyName === 'zip';
  const trials = numberIn(limit, 'trials') ?? (enumerated ? DEFAULT_TRIALS : DEFAULT_DRAWS);
  const made = makeStrategy(strategyName, space.value, trials, block, config);
  if (!made.ok) return refuse('P035', made.error.message, made.error.pointer, made.error.help);
  return ok({
    space: space.value,
    strategyName,
    wholeWork: 1,
    ...made.value,
    goal: goal.value,
    seeds: numberIn(block, 'seeds') ?? 1,
    trials,
    minutes: numberIn(limit, 'minutes'),
    noImprovement: numberIn(limit, 'noImprovement'),
  });
}

function stagesNamed({ stages }: PipelineConfig): ReadonlySet<string> {
  return new Set(stages.map(({ name, matrix }) => matrix?.stage ?? name));
}

type Made = Pick<SweepSettings, 'strategy' | 'combinations'> & Partial<Pick<SweepSettings, 'wholeWork'>>;
type Refusal = { readonly message: string; readonly pointer: string; readonly help: string };

function makeStrategy(
  name: SweepSettings['strategyName'],
  space: Space,
  trials: number,
  block: JsonObject,
  config: PipelineConfig,
): Result<Made, Refusal> {
  const options = { space, seed: config.seed, trials };
  switch (name) {
    case 'grid': {
      const combinations = gridSize(space);
      if (combinations > trials)
        return err({
          message: `the grid has ${combinations.toLocaleString('en')} combinations, more than ${trials.toLocaleString('en')}`,
          pointer: 'over',
          help: `take \`strategy: random\` with \`limit: { trials: … }\`, fewer values, or raise the limit: { trials: ${combinations} }`,
        });
      return ok({ strategy: fixed([...gridPoints(space)]), combinations });
    }
    case 'zip': {
      const points = zipPoints(space);
      if (points)
        return ok({ strategy: fixed(points.slice(0, trials)), combinations: Math.min(trials, points.length) });
      return err({
        message: `zip takes lists of the same length, and there are ${lengthsOf(space)}`,
        pointer: 'over',
        help: 'or combine all with all: strategy: grid',
      });
    }
    case 'random':
      return ok({ strategy: randomStrategy(options), combinations: trials });
    case 'sobol':
      if (space.parameters.length > MOST_DIMENSIONS)
        return err({
          message: `a Sobol sequence has at most ${MOST_DIMENSIONS} dimensions here, not ${space.parameters.length}`,
          pointer: 'strategy',
          help: 'take `strategy: random`',
        });
      return ok({ strategy: sobolStrategy(options), combinations: trials });
    case 'tpe':
      return ok({
        strategy: tpeStrategy(options),
        combinations: trials,
        wholeWork: trials / Math.min(STARTUP, trials),
      });
    case 'halving':
    case 'asha':
      return makeHalving(name, space, trials, block, config);
  }
}

/** `head.batch with 3 values, head.epochs with 2` */
function lengthsOf({ parameters }: Space): string {
  const outer = parameters.filter(({ within }) => !within);
  return outer.map((parameter) => `${parameter.key} with ${gridNumbers(parameter).length}`).join(', ');
}

function makeHalving(
  name: 'halving' | 'asha',
  space: Space,
  trials: number,
  block: JsonObject,
  config: PipelineConfig,
): Result<Made, Refusal> {
  const given = objectIn(block, 'halving');
  const trained = config.stages.find(({ kind }) => ['train-head', 'train-network', 'fine-tune'].includes(kind));
  const setting = typeof given['setting'] === 'string' ? given['setting'] : trained && `${trained.name}.epochs`;
  const most = numberIn(given, 'most') ?? epochsOf(config, setting);
  if (setting === undefined || most === undefined)
    return err({
      message: 'halving needs to know what the survivors get more of, and how much',
      pointer: 'strategy',
      help: 'give halving: { setting: head.epochs, least: 1, most: 20, factor: 3 }',
    });
  if (space.paths.includes(setting))
    return err({
      message: `${setting} is what halving gives the survivors more of, so it cannot be swept over too`,
      pointer: `over/${setting}`,
      help: 'leave it out of `over`, or give halving: { setting: … } another one',
    });
  const settings = { setting, most, least: numberIn(given, 'least') ?? 1, factor: numberIn(given, 'factor') ?? 3 };
  if (settings.least > most)
    return err({
      message: `halving starts with ${setting}=${settings.least}, more than the ${most} that it ends with`,
      pointer: 'halving',
      help: `give a smaller least, or most: ${settings.least}`,
    });
  const size = gridSize(space);
  const continuous = space.parameters.some(({ scale }) => scale.type !== 'choice');
  const points =
    !continuous && size <= trials
      ? [...gridPoints(space)]
      : Array.from({ length: trials }, (_, trial) => randomPoint(space, config.seed, trial));
  const work = halvingWork(points.length, settings);
  return ok({
    strategy: name === 'halving' ? halvingStrategy(points, settings) : ashaStrategy(points, settings),
    combinations: halvingTrials(points.length, settings),
    wholeWork: name === 'halving' ? work : work * Math.max(1, points.length / ASHA_ROUND),
  });
}

function epochsOf(config: PipelineConfig, setting: string | undefined): number | undefined {
  const [stage, ...path] = setting?.split('.') ?? [];
  let value: Json = config.stages.find(({ name }) => name === stage)?.with ?? null;
  for (const key of path) value = isJsonObject(value) ? (value[key] ?? null) : null;
  return typeof value === 'number' ? value : undefined;
}

function objectIn(given: JsonObject, key: string): JsonObject {
  const value = given[key] ?? null;
  return isJsonObject(value) ? value : {};
}

function numberIn(given: JsonObject, key: string): number | undefined {
  const value = given[key];
  return typeof value === 'number' ? value : undefined;
}

/**
 * The schema of a pipeline file around the settings of its stages: the one source of the validator, of what editors show
 * and of the documentation. Draft-07. Read by the schema script alone.
 */
import type { JsonObject } from '../base/json.ts';
import { DEFAULT_SEED } from './pipeline-config.ts';
import { SWEEP_STRATEGIES } from './sweep-strategies.ts';

/** Letters, digits, `-` and `_`, starting with a letter; `vars`, `env` and `seed` are taken by `--set`. */
const stageName = { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9_-]*$', not: { enum: ['vars', 'env', 'seed'] } };

const sourceText = {
  type: 'string',
  minLength: 1,
  description: 'A stage, `stage.artifact` where it gives several, or `stage@value` for one child of a matrix.',
};

const axis = {
  description: 'The values of this axis: a list, or a map from a short name to a value.',
  anyOf: [
    { type: 'array', minItems: 1 },
    { type: 'object', minProperties: 1 },
  ],
};

const combination = { type: 'object', description: 'Axis names and one value each.' };

export const stageSchema = {
  type: 'object',
  description: 'One stage: what it does, what it reads, and its settings.',
  additionalProperties: false,
  required: ['kind'],
  properties: {
    kind: {
      type: 'string',
      minLength: 1,
      description:
        'What the stage does: a built-in kind, or the path of a module of your own (`./stages/my-stage.js`).',
    },
    from: {
      description: 'What the stage reads: one stage, or a map from port to stage. Empty for stages that read files.',
      default: {},
      anyOf: [sourceText, { type: 'object', additionalProperties: sourceText }],
    },
    with: { type: 'object', description: 'The settings of the stage.', default: {} },
    repeat: {
      type: 'integer',
      minimum: 2,
      maximum: 1000,
      description:
        "Runs the stage, and those that read it, so many times with seeds counted up from the pipeline's; metrics are shown with mean and standard deviation. By default once.",
    },
    matrix: {
      type: 'object',
      description:
        'Makes one child a combination of values: `{ units: [500, 1000] }` on `head` makes `head@500` and `head@1000`, with `${matrix.units}` usable in `with`. Stages that read it fan out the same way.',
      default: {},
      minProperties: 1,
      properties: {
        include: { type: 'array', items: combination, description: 'Combinations to add.', default: [] },
        exclude: {
          type: 'array',
          items: combination,
          description: 'Combinations to leave out; one that names only some axes leaves out all that agree with it.',
          default: [],
        },
      },
      additionalProperties: axis,
    },
  },
} satisfies JsonObject;

const metricPath = { type: 'string', pattern: '^[^.\\s]+\\.[^\\s]+$' };

const sweepSchema = {
  type: 'object',
  description: 'Many runs of this pipeline over some values, ranked: `pipe sweep`; by default none.',
  additionalProperties: false,
  required: ['over'],
  properties: {
    strategy: {
      enum: [...SWEEP_STRATEGIES],
      default: 'grid',
      description:
        'How values are combined: all with all, in step, drawn at random, from a Sobol sequence, by successive halving (`halving` rung by rung, `asha` as soon as a trial is good enough), or by a tree-structured Parzen estimator.',
    },
    over: {
      type: 'object',
      minProperties: 1,
      description:
        'Dotted path of a setting (`head.batch`, `vars.size`, `seed`) to its values: a list, or a distribution such as `{ logUniform: [1e-4, 1e-2] }`.',
      default: {},
      additionalProperties: {
        anyOf: [
          { type: 'array', minItems: 1 },
          { type: 'object', minProperties: 1 },
        ],
      },
    },
    halving: {
      type: 'object',
      description: 'What `strategy: halving` and `asha` give the survivors of each rung.',
      default: {},
      additionalProperties: false,
      properties: {
        setting: {
          type: 'string',
          minLength: 1,
          default: '',
          description: 'Path of the setting that grows; by default the epochs of the first stage that trains.',
        },
        least: { type: 'integer', minimum: 1, default: 1, description: 'Its value in the first rung, at least.' },
        most: {
          type: 'integer',
          minimum: 1,
          description: 'Its value in the last rung; by default what the file says.',
        },
        factor: {
          type: 'integer',
          minimum: 2,
          default: 3,
          description: 'How much more the survivors get, and one part in how many survives.',
        },
      },
    },
    seeds: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 1,
      description: "Runs of each combination, with seeds counted up from the pipeline's.",
    },
    goal: {
      description: 'The metric to rank by: `{ minimize: score.log-loss }` or `{ maximize: score.accuracy }`.',
      default: {},
      anyOf: [
        {
          type: 'object',
          additionalProperties: false,
          required: ['minimize'],
          properties: {
            minimize: { ...metricPath, description: 'Metric of which less is better, as `stage.metric`.', default: '' },
          },
        },
        {
          type: 'object',
          additionalProperties: false,
          required: ['maximize'],
          properties: {
            maximize: { ...metricPath, description: 'Metric of which more is better, as `stage.metric`.', default: '' },
          },
        },
      ],
    },
    limit: {
      type: 'object',
      description: 'When to stop.',
      default: {},
      additionalProperties: false,
      properties: {
        trials: { type: 'integer', minimum: 1, description: 'At most so many trials.', default: 1000 },
        minutes: {
          type: 'number',
          exclusiveMinimum: 0,
          description: 'Start no trial after so many minutes; by default the time is not limited.',
        },
        noImprovement: {
          type: 'integer',
          minimum: 1,
          description: 'Stop after so many trials without a better one; by default never.',
        },
      },
    },
  },
} satisfies JsonObject;

/** The file; `stages` is filled in by the schema script. */
export const pipelineSchema = {
  type: 'object',
  description: 'A pipeline of stages: data, frozen features, a trained head, metrics.',
  additionalProperties: false,
  required: ['stages'],
  properties: {
    pipeline: {
      type: 'string',
      maxLength: 100,
      pattern: '^[\\p{L}\\p{N}][\\p{L}\\p{N} ._+-]*$',
      default: '',
      description: "Name of the pipeline and of its folder below `results/`. The file's name where it is left out.",
    },
    description: { type: 'string', description: 'What the pipeline is for, in a sentence.', default: '' },
    seed: {
      type: 'integer',
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      default: DEFAULT_SEED,
      description: 'Seed of everything that is drawn: splits, initial weights, dropout, order of batches.',
    },
    extends: {
      type: 'string',
      minLength: 1,
      default: '',
      description:
        'Path of a pipeline file that this one is laid over: maps merge, lists and scalars replace, `null` removes.',
    },
    vars: { type: 'object', default: {}, description: 'Values to use in other places as `${vars.NAME}`.' },
    env: {
      type: 'array',
      default: [],
      items: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
      description: 'Environment variables that the file may use as `${env.NAME}`.',
    },
    stages: {
      type: 'object',
      minProperties: 1,
      description: 'The stages by name. Their order means nothing; `from` connects them.',
      propertyNames: stageName,
      additionalProperties: stageSchema,
    },
    sweep: sweepSchema,
  },
} satisfies JsonObject;

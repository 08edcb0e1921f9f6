import { defineCodes } from './code.ts';

export const usageCodes = defineCodes({
  U001: {
    exit: 2,
    title: 'wrong usage',
    explanation: 'The command line does not fit the command. `--help` lists what it takes.',
  },
  U002: {
    exit: 2,
    title: '`--set`, `--over` or `--goal` cannot be read',
    explanation:
      '`--set` takes PATH=VALUE: the path is dotted and starts with a stage, `vars` or `seed`; the value is read as YAML. `--over` takes PATH=VALUES, parted by commas, or a distribution such as loguniform(1e-4,1e-2). `--goal` takes minimize:STAGE.METRIC or maximize:STAGE.METRIC.',
  },
  U003: {
    exit: 2,
    title: '`--set` names no setting',
    explanation: 'The first part of the path is a stage of the file, `vars`, or `seed`.',
  },
  U004: { exit: 2, title: 'no such stage', explanation: 'The stages named on the command line must be in the file.' },
  U005: { exit: 2, title: 'no such run', explanation: '`pipe runs` lists what can be named.' },
  U006: {
    exit: 2,
    title: 'a file is there already',
    explanation: 'Nothing is overwritten. Move the file away or edit it.',
  },
  U007: {
    exit: 2,
    title: 'there is nothing to advise on',
    explanation:
      '`pipe advise` needs a pipeline that prepares images (a preprocess stage) and names a pretrained network (extract-features, fine-tune, or `--backbone`).',
  },
  U008: {
    exit: 2,
    title: '`--where` is not a condition',
    explanation:
      'A condition is a metric, setting or field, an operator (> >= < <= = != ~) and a value, such as score.accuracy>0.9. Quote it, or the shell takes the > for itself.',
  },
  U009: {
    exit: 2,
    title: 'no run has what `--where` or `--sort` names',
    explanation:
      'Metrics and settings are named STAGE.NAME; fields are id, pipeline, outcome, commit, dirty, started and seconds.',
  },
  U010: {
    exit: 2,
    title: 'no such model',
    explanation:
      'A model is named by a pipeline file or its name (`mnist-vgg16`), with `#stage` or `--stage` where several stages train one; by a run (an id, its beginning, or @last); or by an exported folder, file or card.',
  },
  U011: {
    exit: 4,
    title: 'a model has not been trained',
    explanation:
      'The stage has no model in the cache for the pipeline file and data as they are now. Run the pipeline, or name the run whose model you want.',
  },
});

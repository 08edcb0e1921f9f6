import { defineCodes } from './code.ts';

export const pipelineCodes = defineCodes({
  P001: {
    exit: 3,
    title: 'the file is not valid YAML',
    explanation:
      'The YAML 1.2 parser stopped here. The caret shows where; the cause is often the line above: an unclosed quote or bracket, a tab, a missing space after a colon.',
  },
  P002: {
    exit: 4,
    title: 'a pipeline file is missing',
    explanation:
      'The file named on the command line or under `extends:` does not exist. FILE is a path, or the name of a file in `./pipelines`; `extends:` is relative to the file that says it.',
  },
  P003: {
    exit: 4,
    title: 'a pipeline file cannot be read',
    explanation: 'The file exists, but the system refused to read it, or it is a folder. Check its permissions.',
  },
  P004: {
    exit: 3,
    title: 'the file is not UTF-8 text',
    explanation:
      'Pipeline files are UTF-8, with or without a byte order mark. UTF-16, Latin-1 and files with NUL bytes are refused, since guessing would change names silently. Save the file as UTF-8.',
  },
  P005: {
    exit: 3,
    title: 'the file holds no pipeline',
    explanation: 'The file is empty or its top level is not a map. A pipeline file is a map with at least `stages:`.',
  },
  P006: {
    exit: 3,
    title: 'several documents in one file',
    explanation:
      'A line `---` starts a second YAML document. A pipeline is one document: put each pipeline into a file of its own and share parts with `extends:`.',
  },
  P007: {
    exit: 3,
    title: 'a key is written twice',
    explanation:
      'YAML maps have unique keys; of two equal ones, one would be lost silently. Both lines are shown: remove or rename one.',
  },
  P008: {
    exit: 3,
    title: 'a tag is not allowed',
    explanation:
      'Custom tags such as `!include` or `!!binary` are refused; only the tags of the YAML core schema (`!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!map`, `!!seq`) have a meaning here.',
  },
  P009: {
    exit: 3,
    title: 'an alias cannot be used',
    explanation:
      'An alias (`*name`) refers to no anchor before it, contains itself, or multiplies the file beyond reason.',
  },
  P010: {
    exit: 3,
    title: 'nested too deep',
    explanation: 'Maps and lists may be nested 64 levels deep. No real pipeline comes near that.',
  },
  P011: {
    exit: 3,
    title: 'a key has no usable name',
    explanation:
      'Keys are texts. `__proto__`, `constructor` and `prototype` are refused, as are lists, maps and null as keys.',
  },
  P012: {
    exit: 3,
    title: 'a value is not one of those allowed',
    explanation: 'The setting takes one of a few values; the message lists them.',
  },
  P013: {
    exit: 3,
    title: 'unknown key',
    explanation:
      'No setting has this name here. Unknown keys are errors, since a typo would otherwise be a setting that silently does nothing. The message names the nearest known key, or the stage that the key belongs to.',
  },
  P014: {
    exit: 3,
    title: 'wrong type of value',
    explanation:
      'The setting takes another type of value: a number where a text is given, a list where a map is given. Note that YAML 1.2 reads `yes`, `no`, `on`, `off` and `1_000` as texts.',
  },
  P015: {
    exit: 3,
    title: 'a key is missing',
    explanation:
      'A setting that has no default is not there. `pipe schema` and the page on stage kinds list what each kind needs.',
  },
  P016: {
    exit: 3,
    title: 'a value is out of its range',
    explanation:
      'The value has the right type, but is too small, too large, too short, too long, or of the wrong form.',
  },
  P017: {
    exit: 3,
    title: 'a number would change silently',
    explanation:
      'YAML reads `012` as 12, whole numbers above 2^53 lose digits, and infinities and NaN have no place in a pipeline. Write the number plainly, or quote it if it is a text.',
  },
  P018: {
    exit: 3,
    title: 'a substitution names nothing',
    explanation:
      '`${vars.x}`, `${env.X}` and `${matrix.x}` are replaced by values; this one is not declared, is not closed, or has no value that fits into a text. Write `$${` for a literal `${`.',
  },
  P019: {
    exit: 3,
    title: 'an environment variable is not listed',
    explanation:
      'Only variables listed under `env:` can be substituted, so that a reader of the file sees what it depends on.',
  },
  P020: {
    exit: 3,
    title: 'an environment variable is not set',
    explanation:
      'The pipeline lists the variable under `env:` and uses it, but it is not set in this process. Set it and run again.',
  },
  P021: {
    exit: 3,
    title: 'variables go in a circle',
    explanation: 'A variable under `vars:` is defined through itself. The message shows the way round.',
  },
  P022: {
    exit: 3,
    title: 'files extend each other in a circle',
    explanation: 'A file extends itself, directly or through others. The message shows the way round.',
  },
  P023: {
    exit: 3,
    title: 'unknown stage kind',
    explanation:
      '`kind:` names none of the built-in kinds. The kind of a module of your own is given by its path: `kind: ./stages/my-stage.js`.',
  },
  P024: {
    exit: 3,
    title: 'unknown stage',
    explanation: '`from:` names a stage, or an artifact of a stage, that this pipeline does not have.',
  },
  P025: {
    exit: 3,
    title: 'a port does not fit',
    explanation: '`from:` names a port that the kind does not have, or leaves one out that it needs.',
  },
  P026: {
    exit: 3,
    title: 'a stage cannot read this artifact',
    explanation:
      'What the one stage gives is not what the other reads; a stage between them is often missing, such as `preprocess` or `extract-features`.',
  },
  P027: {
    exit: 3,
    title: 'stages read each other in a circle',
    explanation: 'A stage reads, through others, what it gives itself. The message shows the way round.',
  },
  P028: {
    exit: 3,
    title: 'a stage cannot be called that',
    explanation:
      'Stage names are letters, digits, `-` and `_`, starting with a letter. `vars`, `env` and `seed` are taken by `--set`.',
  },
  P029: {
    exit: 3,
    title: 'a matrix cannot be expanded',
    explanation:
      '`matrix:` maps axis names to lists of values, or to maps from a name to a value. Each combination must have its own short name and there must be at least one.',
  },
  P030: {
    exit: 3,
    title: 'an output lies outside of the project',
    explanation:
      'Stages write only below the project: the nearest folder above the pipeline file that holds `.pipe`, `.git` or `package.json` (with none, the folder of the file itself, or the one above `pipelines`). Give a path inside of it, or a bare name, which goes to `results/<pipeline>/`.',
  },
  P031: {
    exit: 3,
    title: 'a command is written as one text',
    explanation:
      'Commands are lists of words and run without a shell, so that no character in a name has a second meaning. The message shows the list form.',
  },
  P032: {
    exit: 3,
    title: 'a stage kind cannot be loaded',
    explanation:
      'The module that `kind:` names is missing, throws when it is imported, or does not export a stage kind as its default.',
  },
  P033: {
    exit: 3,
    title: 'a merge key cannot be used',
    explanation:
      '`<<:` takes an alias to a map, or a list of such; its members are added where the map has none of that name.',
  },
  P034: {
    exit: 3,
    title: 'a sweep names nothing',
    explanation:
      'A path under `sweep.over` starts with no stage of this pipeline, or with one that the goal does not hang on; or the goal names no stage that gives metrics, or a metric that it does not give.',
  },
  P035: {
    exit: 3,
    title: 'a sweep cannot be expanded',
    explanation:
      'The values under `sweep.over` are lists or distributions; a grid counts all combinations before anything runs and refuses more than `limit.trials`; `zip` takes lists of one length; `halving` needs the setting that survivors get more of.',
  },
  P040: {
    exit: 4,
    title: 'no data layout was recognised',
    explanation:
      '`pipe init` looks for CSV files with filenames and labels beside their images, for a folder of images a class, and for IDX files. The page on data layouts draws them.',
  },
  P090: {
    exit: 3,
    title: 'two stages write one file',
    explanation: 'Two stages name the same output path. Each file has one writer.',
  },
});

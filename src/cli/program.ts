/** The command line. Commands are light here; what they do is loaded when they are called. */
import { Command, Option } from 'commander';
import { problem } from '../base/diagnostic.ts';
import { SWEEP_STRATEGIES } from '../config/sweep-strategies.ts';
import { failWith, type GlobalOptions } from './output.ts';

const collect = (value: string, before: readonly string[] = []) => [...before, value];

/** They go with every command, before its name or after it. */
const EVERYWHERE = [
  ['--json', 'JSON on stdout and nothing else there'],
  ['--quiet', 'only metrics and errors'],
  ['--cache <dir>', 'where the cache lies (or PIPE_CACHE); default <root>/.pipe/cache'],
  ['--offline', 'never use the network'],
  ['--debug', 'show stack traces'],
] as const;

const TENSORBOARD = ['--tensorboard <dir>', 'write curves, metrics and settings for TensorBoard'] as const;
const DVC = ['--dvc <dir>', 'write params.yaml, metrics.json and plots for DVC'] as const;
const MLFLOW = ['--mlflow <url>', 'send the run to an MLflow server'] as const;

export function buildProgram(exit: (code: number) => void): Command {
  const program = new Command('pipe');
  program
    .description('A declarative pipeline runner for transfer learning.')
    .version(version())
    .configureOutput({ outputError: refuse })
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      '\nExit codes: 0 done · 1 a stage failed · 2 wrong usage · 3 invalid pipeline · 4 input missing · 5 --locked differs · 6 engine or weights missing · 7 disk · 70 bug',
    );

  const inherit = (command: Command) => {
    for (const [flags, description] of EVERYWHERE) command.option(flags, description);
    return command;
  };
  inherit(program);
  const options = (command: Command): GlobalOptions => ({
    ...program.opts<GlobalOptions>(),
    ...command.opts<GlobalOptions>(),
  });
  const settable = (command: Command) =>
    inherit(command).option('--set <path=value>', 'change a setting, such as head.epochs=5 (repeatable)', collect);

  settable(program.command('run <file> [stage...]').description('runs what is needed'))
    .option('--dry-run', 'say what would run, and run nothing')
    .option('--force [stage...]', 'run although cached: all, or the named stages')
    .addOption(
      new Option('--engine <id>', 'numeric engine')
        .choices(['auto', 'ort', 'tfjs-node-gpu', 'tfjs-node'])
        .default('auto'),
    )
    .addOption(
      new Option('--device <name>', 'device of the engine; by default its best').choices(['cpu', 'cuda', 'webgpu']),
    )
    .option('--jobs <n>', 'stages at the same time', '1')
    .option('--keep-going', 'go on with what does not depend on a failed stage')
    .option('--strict-engine', 'rows of another engine do not count')
    .option('--no-cache', 'use a cache of its own, thrown away afterwards')
    .option('--locked', 'refuse (exit 5) unless everything is as the lock file beside the pipeline has it')
    .option(
      '--tolerance <x>',
      'for metrics under --locked: absolute, or relative to locked values above 1 (default 1e-3)',
    )
    .option(...TENSORBOARD)
    .option(...DVC)
    .option(...MLFLOW)
    .action(async (file: string, stages: string[], _, command: Command) =>
      exit(await (await import('./commands/run.ts')).run(file, stages, options(command))),
    );
  settable(
    program
      .command('sweep <file> [id]')
      .description(
        'many trials, ranked: the sweep block of a file or --over; `pipe sweep show [id]` shows a finished one',
      ),
  )
    .option('--over <path=values>', 'head.batch=64,128 or head.rate=loguniform(1e-4,1e-2) (repeatable)', collect)
    .addOption(new Option('--strategy <name>', 'how values are combined').choices([...SWEEP_STRATEGIES]))
    .option('--goal <direction:metric>', 'minimize:score.log-loss or maximize:score.accuracy')
    .option('--trials <n>', 'at most so many')
    .option('--dry-run', 'say what would run, and run nothing')
    .addOption(
      new Option('--engine <id>', 'numeric engine')
        .choices(['auto', 'ort', 'tfjs-node-gpu', 'tfjs-node'])
        .default('auto'),
    )
    .option('--jobs <n>', 'stages at the same time', '1')
    .addOption(new Option('--export <format>', 'the whole table').choices(['csv', 'json', 'parquet']))
    .option('--out <file>', 'where --export writes to')
    .option('--best', 'show the best trial alone')
    .option('--write <file>', 'a copy of the pipeline file with the best settings')
    .option(...TENSORBOARD)
    .option(...MLFLOW)
    .action(async (file: string, id: string | undefined, _, command: Command) =>
      exit(await (await import('./commands/sweep.ts')).sweep(file, id === undefined ? [] : [id], options(command))),
    );
  settable(
    program
      .command('predict <model> <path...>')
      .description(
        'classifies images with a trained model: MODEL is a pipeline file, FILE#stage, a run, or an exported model; PATH an image, a folder, a CSV, or - for a list on stdin',
      ),
  )
    .option('--stage <name>', 'the stage whose model is meant, where there are several')
    .option('--top <k>', 'the k likeliest classes', '1')
    .option('--csv', 'CSV instead of a table')
    .option('--probabilities', 'with --csv or --json: the probability of every class')
    .option('--images <dir>', 'where the files lie that a CSV names; by default beside it')
    .addOption(
      new Option('--engine <id>', 'numeric engine')
        .choices(['auto', 'ort', 'tfjs-node-gpu', 'tfjs-node'])
        .default('auto'),
    )
    .action(async (model: string, paths: string[], _, command: Command) =>
      exit(await (await import('./commands/predict.ts')).predict(model, paths, options(command))),
    );
  settable(program.command('plan <file> [stage...]').description('what would run, and why'))
    .option('--exit-code', 'exit with 1 if anything would run')
    .action(async (file: string, stages: string[], _, command: Command) =>
      exit(await (await import('./commands/plan.ts')).plan(file, stages, options(command))),
    );
  settable(
    program
      .command('advise <file>')
      .description('which of the four scenarios the data is in, measured, and what to do'),
  )
    .option('--backbone <name...>', 'networks to rank; by default the one of the file')
    .option('--sample <n>', 'images to measure on', '300')
    .option('--write <file>', 'the pipeline file for the strategy')
    .action(async (file: string, _, command: Command) =>
      exit(await (await import('./commands/advise.ts')).advise(file, options(command))),
    );
  settable(program.command('why <file> <stage>').description('why a stage runs or does not, key by key')).action(
    async (file: string, stage: string, _, command: Command) =>
      exit(await (await import('./commands/plan.ts')).why(file, stage, options(command))),
  );
  settable(program.command('status <file>').description('what is cached')).action(
    async (file: string, _, command: Command) =>
      exit(await (await import('./commands/plan.ts')).status(file, options(command))),
  );
  settable(program.command('dag <file>').description('the graph of the stages'))
    .option('--mermaid', 'as a Mermaid diagram')
    .option('--dot', 'for Graphviz')
    .action(async (file: string, _, command: Command) =>
      exit(await (await import('./commands/dag.ts')).dag(file, options(command))),
    );
  inherit(program.command('runs').description('past runs, the newest first'))
    .option('--where <condition>', "such as 'score.accuracy>0.9' or head.epochs=5 (repeatable)", collect)
    .option('--sort <path>', 'such as score.log-loss, the smallest first; -score.accuracy, the largest first')
    .option('--limit <n>', 'at most so many')
    .action(async (_, command: Command) => exit(await (await import('./commands/runs.ts')).runs(options(command))));
  inherit(program.command('show <run>').description('one run (an id, its beginning, or @last)'))
    .option('--log', 'with its events and curves')
    .option(...TENSORBOARD)
    .option(...DVC)
    .option(...MLFLOW)
    .action(async (id: string, _, command: Command) =>
      exit(await (await import('./commands/runs.ts')).show(id, options(command))),
    );
  inherit(program.command('compare <runs...>').description('runs side by side')).action(
    async (ids: string[], _, command: Command) =>
      exit(await (await import('./commands/runs.ts')).compare(ids, options(command))),
  );
  inherit(
    program.command('diff [revisions...]').description('settings and metrics between commits, from their lock files'),
  )
    .option('--markdown', 'for a pull request')
    .action(async (revisions: string[], _, command: Command) =>
      exit(await (await import('./commands/diff.ts')).diff(revisions, options(command))),
    );
  inherit(
    program
      .command('reproduce [revision] [file]')
      .description('runs a revision as it was and compares the metrics with its lock file'),
  )
    .option('--no-cache', 'compute everything anew')
    .option('--tolerance <x>', 'absolute, or relative to locked values above 1 (default 1e-3)')
    .action(async (revision: string | undefined, file: string | undefined, _, command: Command) =>
      exit(await (await import('./commands/reproduce.ts')).reproduce(revision ?? 'HEAD', file, options(command))),
    );

  const weights = program.command('weights').description('files of pretrained weights');
  inherit(weights.command('list').description('all that are known and present')).action(async (_, command: Command) =>
    exit(await (await import('./commands/weights.ts')).list(options(command))),
  );
  inherit(weights.command('add <file>').description('import a file that was got elsewhere')).action(
    async (file: string, _, command: Command) =>
      exit(await (await import('./commands/weights.ts')).add(file, options(command))),
  );
  inherit(
    weights.command('fetch <name>').description('downloads a file, such as vgg16, into the shared folder'),
  ).action(async (name: string, _, command: Command) =>
    exit(await (await import('./commands/weights.ts')).fetch(name, options(command))),
  );
  const backbone = program.command('backbone').description('frozen networks');
  inherit(backbone.command('show <name>').description('layers with their shapes; a built-in name or a file')).action(
    async (name: string, _, command: Command) =>
      exit(await (await import('./commands/weights.ts')).showBackbone(name, options(command))),
  );
  const engines = program.command('engines').description('numeric engines');
  inherit(engines.command('list').description('what is there, and why not')).action(async (_, command: Command) =>
    exit(await (await import('./commands/engines.ts')).list(options(command))),
  );
  inherit(
    engines.command('test').description('the self-test of every usable engine; --engine auto goes by its speeds'),
  ).action(async (_, command: Command) =>
    exit(await (await import('./commands/engines.ts')).test(options(command), { bench: false })),
  );
  inherit(engines.command('bench').description('VGG16 and a head on every usable engine, measured here')).action(
    async (_, command: Command) =>
      exit(await (await import('./commands/engines.ts')).test(options(command), { bench: true })),
  );
  inherit(
    engines
      .command('install <what>')
      .description('builds tfjs-node or tfjs-node-gpu, or fetches cuda for ort, in the shared folder'),
  )
    .option('--force', 'build again although it is there')
    .action(async (what: string, _, command: Command) =>
      exit(await (await import('./commands/install-engine.ts')).install(what, options(command))),
    );
  inherit(engines.command('remove <what>').description('removes what install has built')).action(
    async (what: string, _, command: Command) =>
      exit(await (await import('./commands/install-engine.ts')).remove(what, options(command))),
  );
  const cache = program.command('cache').description('what is kept');
  inherit(cache.command('verify').description('reads and checks everything')).action(async (_, command: Command) =>
    exit(await (await import('./commands/cache.ts')).verify(options(command))),
  );
  inherit(cache.command('size').description('what takes room')).action(async (_, command: Command) =>
    exit(await (await import('./commands/cache.ts')).size(options(command))),
  );
  inherit(cache.command('gc').description('frees room; needs a scope, and says first what it would free'))
    .option('--older-than <age>', 'entries unused for so long, such as 30d or 12h')
    .option('--max-size <size>', 'the least recently used, until the rest fits, such as 20GB')
    .option('--keep-last <n>', 'all but what the last runs used')
    .option('--yes', 'do it')
    .action(async (_, command: Command) => exit(await (await import('./commands/cache.ts')).gc(options(command))));
  inherit(program.command('doctor').description('whether this machine is set up')).action(async (_, command: Command) =>
    exit(await (await import('./commands/doctor.ts')).doctor(options(command))),
  );
  inherit(program.command('init [dir]').description('writes a pipeline for the data that is found'))
    .option('--data <path>', 'the data, where it is not the folder itself')
    .action(async (folder: string | undefined, _, command: Command) =>
      exit(await (await import('./commands/init.ts')).init(folder ?? '.', options(command))),
    );
  inherit(program.command('schema').description('the JSON Schema of pipeline files')).action(async () =>
    exit(await (await import('./commands/schema.ts')).schema()),
  );
  inherit(program.command('explain <code>').description('the long story of an error code')).action(
    async (code: string, _, command: Command) =>
      exit(await (await import('./commands/explain.ts')).explain(code, options(command))),
  );
  program
    .command('completion <shell>')
    .description('a script for bash, zsh, fish or powershell')
    .action(async (shell: string) => exit(await (await import('./commands/completion.ts')).completion(shell, program)));
  return program;
}

/** What commander says about wrong usage, as a diagnostic. */
function refuse(text: string): void {
  const [message = '', ...rest] = text.trim().split('\n');
  const help = rest.join(' ').replace(/^\(Did(.*)\)$/, 'did$1');
  failWith([problem('U001', message.replace(/^error: |\.$/g, ''), { help: help || '`--help` says what is taken' })], {
    json: process.argv.includes('--json'),
  });
}

function version(): string {
  return process.env['npm_package_version'] ?? '0.1.0';
}

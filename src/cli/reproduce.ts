/** Runs the pipelines of a revision as they were and holds what comes out against the lock files of that revision. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve, sep } from 'node:path';
import { type Diagnostic, exitCodeOf, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import { sourceText } from '../config/source-text.ts';
import { locateProject } from '../files/project.ts';
import { compareLocks, type Difference, matters } from '../runs/compare-locks.ts';
import { describeDifferences } from '../runs/describe-differences.ts';
import { commitNamed, git, gitProblem, openRepository, type Repository } from '../runs/git.ts';
import { DEFAULT_TOLERANCE, LOCK_ENDING, type LockFile, lockOf } from '../runs/lock-file.ts';
import { readLock } from '../runs/read-lock.ts';
import { RevisionTree } from '../runs/revision-tree.ts';
import type { RunEvent } from '../scheduler/events.ts';
import { openPipeline, planPipeline } from './compose.ts';
import { type RunOptions, runPipeline } from './run-pipeline.ts';

export interface ReproduceOptions extends Omit<RunOptions, 'set' | 'targets' | 'lock' | 'cache'> {
  /** A pipeline file; all that have a lock file where absent. */
  readonly file?: string | undefined;
  /** Called before a pipeline runs. */
  readonly announce?: (pipeline: string) => void;
  /** A folder, or `false` to compute everything anew; that of the project where absent. */
  readonly cache?: string | false | undefined;
}

export interface Reproduction {
  readonly revision: string;
  readonly commit: string;
  readonly tolerance: number;
  readonly pipelines: readonly PipelineVerdict[];
}

export interface PipelineVerdict {
  /** Path of the pipeline from the top of the repository, without its ending. */
  readonly pipeline: string;
  readonly outcome: 'reproduced' | 'differs' | 'failed' | 'interrupted';
  /** What is not as locked; also the engine where it is another, which alone is no fault. */
  readonly differences: readonly Difference[];
  /** Metrics that were compared. */
  readonly metrics: number;
  /** Paths of inputs that are not in the commit and were taken from this machine. */
  readonly borrowed: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

export async function reproduce(
  revision: string,
  options: ReproduceOptions = {},
): Promise<Result<Reproduction, Diagnostic>> {
  const folder = options.workingFolder ?? process.cwd();
  const repository = await openRepository(folder);
  if (!repository.ok) return repository;
  const commit = await commitNamed(repository.value, revision);
  if (!commit.ok) return commit;
  const locks = await locksIn(repository.value, commit.value, revision, options.file && resolve(folder, options.file));
  if (!locks.ok) return locks;
  const tree = await RevisionTree.checkOut(repository.value, commit.value);
  if (!tree.ok) return tree;
  const { tolerance = DEFAULT_TOLERANCE } = options;
  try {
    const pipelines: PipelineVerdict[] = [];
    for (const path of locks.value) {
      if (options.signal?.aborted) break;
      options.announce?.(path.slice(0, -LOCK_ENDING.length));
      const attempt = { path, revision, repository: repository.value, tree: tree.value, tolerance, options };
      pipelines.push(await reproduceOne(attempt));
    }
    return ok({ revision, commit: commit.value, tolerance, pipelines });
  } finally {
    await tree.value.remove();
  }
}

/** Paths of the lock files of a commit, from the top. */
async function locksIn(
  { top }: Repository,
  commit: string,
  revision: string,
  file: string | undefined,
): Promise<Result<readonly string[], Diagnostic>> {
  const listed = await git(top, ['ls-tree', '-r', '-z', '--name-only', commit]);
  if (!listed.ok) return err(gitProblem(listed.error));
  const all = listed.value
    .toString('utf8')
    .split('\0')
    .filter((path) => path.endsWith(LOCK_ENDING));
  const stem = (path: string) => path.replace(/(\.lock)?\.ya?ml$/, '');
  const wanted = file === undefined ? undefined : stem(relative(top, file).split(sep).join('/'));
  const chosen =
    wanted === undefined
      ? all
      : all.filter((path) => stem(path) === wanted || stem(basename(path)) === basename(wanted));
  if (chosen.length > 0) return ok(chosen);
  const known =
    all.length > 0 ? `lock files there: ${all.slice(0, 5).join(', ')}` : 'run the pipeline and commit its lock file';
  return err(
    problem('L002', `${revision} holds no lock file${wanted === undefined ? '' : ` of ${wanted}`}`, { help: known }),
  );
}

interface Attempt {
  /** Of the lock file, from the top of the repository. */
  readonly path: string;
  readonly revision: string;
  readonly repository: Repository;
  readonly tree: RevisionTree;
  readonly tolerance: number;
  readonly options: ReproduceOptions;
}

async function reproduceOne(attempt: Attempt): Promise<PipelineVerdict> {
  const { path, revision, repository, tree, options } = attempt;
  const blank = { pipeline: path.slice(0, -LOCK_ENDING.length), differences: [], metrics: 0, borrowed: [] };
  const failed = (diagnostics: readonly Diagnostic[], borrowed: readonly string[] = []): PipelineVerdict => ({
    ...blank,
    outcome: 'failed',
    borrowed,
    diagnostics: diagnostics.map((diagnostic) => asOf(attempt, diagnostic)),
  });
  const top = tree.mirrored(repository.top);
  const lock = await readLock({
    ...sourceText(path, readFileSync(join(top, path), 'utf8')),
    shown: `${revision}:${path}`,
  });
  if (!lock.ok) return failed([lock.error]);
  const file = ['.yaml', '.yml'].map((ending) => join(top, `${blank.pipeline}${ending}`)).find(existsSync);
  if (file === undefined)
    return failed([
      problem('P002', `${revision} has ${path}, but not the pipeline beside it`, { help: 'commit both' }),
    ]);
  const project = locateProject(join(repository.top, path), process.env, options.cache || undefined);
  tree.markRoot(project.root);
  const abandoned = options.cache === false ? mkdtempSync(join(tmpdir(), 'pipe-no-cache-')) : undefined;
  try {
    return await runAndCompare(attempt, lock.value, file, abandoned ?? project.cache, blank, failed);
  } finally {
    if (abandoned !== undefined) rmSync(abandoned, { recursive: true, force: true });
  }
}

async function runAndCompare(
  attempt: Attempt,
  lock: LockFile,
  file: string,
  cache: string,
  blank: Pick<PipelineVerdict, 'pipeline' | 'differences' | 'metrics' | 'borrowed'>,
  failed: (diagnostics: readonly Diagnostic[], borrowed?: readonly string[]) => PipelineVerdict,
): Promise<PipelineVerdict> {
  const { tree, revision, tolerance, options } = attempt;
  const set = Object.entries(lock.overrides).map(([path, value]) => `${path}=${JSON.stringify(value)}`);
  const emit = (event: RunEvent) => {
    if (event.event === 'diagnostic') options.emit?.({ ...event, diagnostic: asOf(attempt, event.diagnostic) });
    // The files that it makes for people go away with the temporary tree.
    else options.emit?.(event.event === 'run-finished' ? { ...event, artifacts: {} } : event);
  };
  const asked = { ...options, set, cache, lock: 'ignore' as const, emit };
  const opened = await openPipeline(file, asked);
  if (!opened.ok) return failed(opened.error);
  const { borrowed, gone } = tree.borrowInputs(opened.value.config, opened.value.kinds);
  const run = await runPipeline(file, asked);
  if (!run.ok) {
    const missing = run.error.some((diagnostic) => exitCodeOf(diagnostic) === 4);
    return failed([...(missing ? [goneProblem(revision, gone)] : []), ...run.error], borrowed);
  }
  const { outcome } = run.value;
  if (outcome === 'interrupted') return { ...blank, outcome, borrowed, diagnostics: [] };
  if (outcome === 'failed')
    return failed([problem('L007', `${revision} was not reproduced: a stage of ${blank.pipeline} failed`)], borrowed);
  // Everything is cached now, so that a plan knows all that came out.
  const planned = await planPipeline(file, asked);
  if (!planned.ok) return failed(planned.error, borrowed);
  const now = lockOf(planned.value.plan, planned.value.workspace);
  const differences = compareLocks(lock, now, { tolerance });
  const metrics = [...lock.stages.values()].reduce((sum, stage) => sum + Object.keys(stage.metrics).length, 0);
  const telling = differences.filter((difference) => matters(difference) && !isNewSetting(difference, differences));
  if (telling.length === 0) return { ...blank, outcome: 'reproduced', differences, metrics, borrowed, diagnostics: [] };
  const words = describeDifferences(differences).map(({ stage, text }) => `${stage}: ${text}`);
  const verdict = problem(
    'L007',
    `${revision} was not reproduced: ${blank.pipeline} differs from its lock file in ${words.join('; ')}`,
    {
      help: causeOf(differences, revision),
    },
  );
  return { ...blank, outcome: 'differs', differences, metrics, borrowed, diagnostics: [verdict] };
}

/**
 * All settings are written out, so one that the lock does not have is new in this version of pipe: where the rest agrees, it did no harm.
 */
function isNewSetting({ stage, aspect, before }: Difference, all: readonly Difference[]): boolean {
  if (aspect !== 'setting' || before !== undefined) return false;
  return all.every((other) => other.stage !== stage || other.aspect !== 'setting' || other.before === undefined);
}

/** The first cause in the order in which causes have effects. */
function causeOf(differences: readonly Difference[], revision: string): string {
  const has = (...aspects: readonly Difference['aspect'][]) =>
    differences.some(({ aspect }) => aspects.includes(aspect));
  if (has('data')) return 'the data are not those of the lock file: metrics of other data cannot agree';
  if (has('weights')) return 'the pretrained weights are not those of the lock file';
  if (has('setting', 'stage', 'fingerprint'))
    return `the pipeline file of ${revision} and its lock file do not belong together, or this version of pipe reads it otherwise`;
  if (has('engine')) return 'data, weights and settings agree; another engine computed it, whose numbers differ';
  return 'data, weights and settings agree; a larger --tolerance accepts it';
}

function goneProblem(revision: string, gone: readonly string[]): Diagnostic {
  const what = gone.length > 0 ? `: ${gone.slice(0, 5).join(', ')}${gone.length > 5 ? ' …' : ''}` : '';
  return problem('L013', `the data of ${revision} are neither in the commit nor on this machine${what}`, {
    help: 'put them back under that path (data need not be in git; their digest is compared), or commit them',
  });
}

/** A diagnostic of the temporary tree, with places in the revision. */
function asOf({ tree, revision, repository }: Attempt, diagnostic: Diagnostic): Diagnostic {
  const { location, related, help, message, ...rest } = diagnostic;
  const placed = (place: NonNullable<typeof location>) => {
    const path = tree.original(resolve(place.file));
    return path === undefined ? place : { ...place, file: `${revision}:${relative(repository.top, path)}` };
  };
  return {
    ...rest,
    message: tree.plain(message),
    ...(help !== undefined && { help: tree.plain(help) }),
    ...(location && { location: placed(location) }),
    ...(related && { related: related.map((other) => ({ ...other, location: placed(other.location) })) }),
  };
}

/** Calls of the `git` command. Only commands that are about commits make them, and runs in which a stage ran. */
import { execFile } from 'node:child_process';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { err, ok, type Result } from '../base/result.ts';

export interface GitOptions {
  /** What git reads from its standard input. */
  readonly input?: string;
  readonly timeoutMs?: number;
  /** More output than this is an error. */
  readonly mostBytes?: number;
}

export interface GitFailure {
  readonly reason: 'missing' | 'failed' | 'too-much';
  readonly message: string;
}

/** Runs git in a folder, without locks, hooks, prompts, or what a calling git has put into the environment. */
export function git(
  folder: string,
  args: readonly string[],
  { input, timeoutMs = 600_000, mostBytes = 1 << 28 }: GitOptions = {},
): Promise<Result<Buffer, GitFailure>> {
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|OBJECT_DIRECTORY)$/.test(name),
    ),
  );
  return new Promise((resolve) => {
    const child = execFile(
      'git',
      ['-c', 'core.hooksPath=/dev/null', '-c', 'core.quotePath=false', ...args],
      {
        cwd: folder,
        env: { ...environment, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' },
        encoding: 'buffer',
        maxBuffer: mostBytes,
        timeout: timeoutMs,
        windowsHide: true,
      },
      (error, stdout, stderr) => {
        if (!error) resolve(ok(stdout));
        else if (error.code === 'ENOENT') resolve(err({ reason: 'missing', message: 'there is no `git` command' }));
        else if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER')
          resolve(err({ reason: 'too-much', message: error.message }));
        else resolve(err({ reason: 'failed', message: stderr.toString('utf8').trim() || error.message }));
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

export interface Repository {
  /** Absolute path of its work tree. */
  readonly top: string;
  readonly shallow: boolean;
}

/** The repository around a folder. */
export async function openRepository(folder: string): Promise<Result<Repository, Diagnostic>> {
  const found = await git(folder, ['rev-parse', '--show-toplevel', '--is-shallow-repository']);
  if (found.ok) {
    const [top = '', shallow] = found.value.toString('utf8').split(/\r?\n/);
    return ok({ top, shallow: shallow === 'true' });
  }
  if (found.error.reason === 'missing')
    return err(problem('L010', found.error.message, { help: 'install git, or put it on the PATH' }));
  // A folder that belongs to somebody else is a repository that git refuses: its own words say what to do.
  if (!/not a git repository/i.test(found.error.message)) return err(gitProblem(found.error));
  return err(
    problem('L011', `${folder} is not in a git repository`, {
      help: '`git init`, then commit the pipeline and its lock file',
    }),
  );
}

/** The commit that a revision names. */
export async function commitNamed(repository: Repository, revision: string): Promise<Result<string, Diagnostic>> {
  const { top, shallow } = repository;
  const unknown = (help: string | undefined) => err(problem('L012', `unknown revision "${revision}"`, { help }));
  if (revision.startsWith('-') || revision === '')
    return unknown('name a commit, a branch, a tag, or something like HEAD~1');
  const found = await git(top, ['rev-parse', '--verify', '--quiet', `${revision}^{commit}`]);
  if (found.ok) return ok(found.value.toString('utf8').trim());
  if (revision === 'HEAD') return unknown('there is no commit yet');
  const listed = await git(top, [
    'for-each-ref',
    '--format=%(refname:short)',
    'refs/heads',
    'refs/tags',
    'refs/remotes',
  ]);
  const names = listed.ok
    ? listed.value
        .toString('utf8')
        .split('\n')
        .filter((name) => name !== '')
    : [];
  const near = didYouMean(revision, names);
  const history = shallow
    ? 'this clone is shallow and does not have all commits: `git fetch --unshallow` gets them'
    : 'name a commit, a branch, a tag, or something like HEAD~1';
  return unknown(near ?? history);
}

export function gitProblem(failure: GitFailure): Diagnostic {
  if (failure.reason === 'missing')
    return problem('L010', failure.message, { help: 'install git, or put it on the PATH' });
  return problem('L014', `git failed: ${failure.message}`, { help: 'run the same in a terminal to see more' });
}

/** The contents of objects by name, such as a blob's hash or `HEAD:path`; undefined for those that are not there. */
export async function readObjects(
  { top }: Repository,
  names: readonly string[],
): Promise<Result<readonly (string | undefined)[], Diagnostic>> {
  if (names.length === 0) return ok([]);
  const read = await git(top, ['cat-file', '--batch'], { input: `${names.join('\n')}\n` });
  if (!read.ok) return err(gitProblem(read.error));
  const bytes = read.value;
  let at = 0;
  return ok(
    names.map(() => {
      const end = bytes.indexOf(10, at);
      const [, type, size] = /^\S+ (\w+) (\d+)$/.exec(bytes.toString('utf8', at, end)) ?? [];
      at = end + 1;
      if (type === undefined || size === undefined) return undefined;
      const text = bytes.toString('utf8', at, at + Number(size));
      at += Number(size) + 1;
      return text;
    }),
  );
}

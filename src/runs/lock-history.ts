/** Lock files of two commits, or of a commit and the work tree, and what differs: from committed files alone, nothing is run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { sourceText } from '../config/source-text.ts';
import { compareLocks, type Difference } from './compare-locks.ts';
import { commitNamed, git, gitProblem, openRepository, type Repository, readObjects } from './git.ts';
import { LOCK_ENDING, type LockFile } from './lock-file.ts';
import { readLock } from './read-lock.ts';

export interface LockDiff {
  /** As they were named. */
  readonly from: string;
  readonly to: string;
  readonly pipelines: readonly PipelineDiff[];
  /** Lock files that could not be read. */
  readonly problems: readonly Diagnostic[];
}

export interface PipelineDiff {
  /** Path of the lock file from the top of the repository, without its ending. */
  readonly pipeline: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly overrides: { readonly before: JsonObject; readonly after: JsonObject };
  readonly differences: readonly Difference[];
}

/** How the work tree is named. */
export const WORK_TREE = 'work tree';

/** Every lock file, in whatever folder. */
const LOCKS = `:(top,glob)**/*${LOCK_ENDING}`;

/** Compares two revisions; the second is the work tree where it is not given. */
export async function diffLocks(
  folder: string,
  from: string,
  to: string | undefined,
): Promise<Result<LockDiff, Diagnostic>> {
  const repository = await openRepository(folder);
  if (!repository.ok) return repository;
  const [before, after] = await Promise.all([
    commitNamed(repository.value, from),
    to === undefined ? ok(undefined) : commitNamed(repository.value, to),
  ]);
  if (!before.ok) return before;
  if (!after.ok) return after;
  const changed = await changedLocks(repository.value, before.value, after.value);
  if (!changed.ok) return changed;
  const texts = await textsOf(repository.value, changed.value);
  if (!texts.ok) return texts;
  const names = { from, to: to ?? WORK_TREE };
  const problems: Diagnostic[] = [];
  const pipelines: PipelineDiff[] = [];
  for (const { path, old, young } of texts.value) {
    const [left, right] = await Promise.all([
      old === undefined ? undefined : readLock({ ...sourceText(path, old), shown: `${names.from}:${path}` }),
      young === undefined
        ? undefined
        : readLock({ ...sourceText(path, young), shown: to === undefined ? path : `${to}:${path}` }),
    ]);
    for (const side of [left, right]) if (side && !side.ok) problems.push(side.error);
    if (left?.ok !== false && right?.ok !== false) pipelines.push(pipelineDiff(path, left?.value, right?.value));
  }
  const telling = pipelines.filter(({ change, differences, overrides }) => {
    return (
      change !== 'changed' ||
      differences.length > 0 ||
      JSON.stringify(overrides.before) !== JSON.stringify(overrides.after)
    );
  });
  return ok({ ...names, pipelines: telling, problems });
}

function pipelineDiff(path: string, before: LockFile | undefined, after: LockFile | undefined): PipelineDiff {
  const none: LockFile = { pipeline: '', overrides: {}, stages: new Map() };
  return {
    pipeline: path.slice(0, -LOCK_ENDING.length),
    change: before ? (after ? 'changed' : 'removed') : 'added',
    overrides: { before: before?.overrides ?? {}, after: after?.overrides ?? {} },
    differences: compareLocks(before ?? none, after ?? none, { tolerance: 0 }),
  };
}

/** A lock file that changed; the blob's name on either side, `disk` where only the work tree has it, undefined where it is not. */
interface Changed {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

async function changedLocks(
  { top }: Repository,
  before: string,
  after: string | undefined,
): Promise<Result<readonly Changed[], Diagnostic>> {
  const revisions = after === undefined ? [before] : [before, after];
  const listed = git(top, [
    'diff',
    '--raw',
    '-z',
    '--no-renames',
    '--no-abbrev',
    '--no-ext-diff',
    ...revisions,
    '--',
    LOCKS,
  ]);
  const untracked =
    after === undefined ? git(top, ['ls-files', '--others', '--exclude-standard', '-z', '--', LOCKS]) : undefined;
  const [raw, others] = await Promise.all([listed, untracked]);
  if (!raw.ok) return err(gitProblem(raw.error));
  if (others && !others.ok) return err(gitProblem(others.error));
  const parts = raw.value.toString('utf8').split('\0');
  const changed: Changed[] = [];
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const [, , old = '', young = '', status = ''] = (parts[i] ?? '').split(' ');
    // git does not hash what it finds in the work tree.
    const fresh = /^0+$/.test(young) ? 'disk' : young;
    changed.push({
      path: parts[i + 1] ?? '',
      before: status === 'A' ? undefined : old,
      after: status === 'D' ? undefined : fresh,
    });
  }
  const added =
    others?.value
      .toString('utf8')
      .split('\0')
      .filter((path) => path !== '') ?? [];
  return ok(
    [...changed, ...added.map((path) => ({ path, before: undefined, after: 'disk' }))].sort((a, b) =>
      a.path < b.path ? -1 : 1,
    ),
  );
}

async function textsOf(repository: Repository, changed: readonly Changed[]) {
  const blobs = changed
    .flatMap(({ before, after }) => [before, after])
    .filter((name) => name !== undefined && name !== 'disk');
  const wanted = [...new Set(blobs.flatMap((name) => name ?? []))];
  const read = await readObjects(repository, wanted);
  if (!read.ok) return read;
  const texts = new Map(wanted.map((name, i) => [name, read.value[i]]));
  const textOf = (path: string, name: string | undefined) =>
    name === 'disk'
      ? readFileSync(join(repository.top, path), 'utf8')
      : name === undefined
        ? undefined
        : texts.get(name);
  return ok(
    changed.map(({ path, before, after }) => ({ path, old: textOf(path, before), young: textOf(path, after) })),
  );
}

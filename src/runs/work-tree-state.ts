/** How the work tree differs from its commit: asked while stages run, so that it costs no time. */
import { git } from './git.ts';
import { LOCK_ENDING } from './lock-file.ts';

export interface WorkTreeState {
  /** Whether a tracked file is not as committed. Lock files do not count: runs write them. */
  readonly dirty: boolean;
  /** `git diff HEAD --binary` of the project's folder; absent where nothing differs or it is longer than a megabyte. */
  readonly patch?: Uint8Array;
  /** Length of the patch, also where it was not kept; null where it is only known to be too long. */
  readonly patchBytes: number | null;
  /** Files that git does not know, at most a hundred; folders of nothing else by their name. */
  readonly untracked: readonly string[];
}

const MOST_BYTES = 1_000_000;
const MOST_NAMES = 100;
/** Work that nobody waits for ends here. */
const PATIENCE_MS = 20_000;

/** Undefined where there is no git, no repository or no commit, or where git takes too long. */
export async function workTreeState(root: string): Promise<WorkTreeState | undefined> {
  const others = ['--', '.', `:(exclude,top,glob)**/*${LOCK_ENDING}`];
  const [diff, listed] = await Promise.all([
    git(root, ['diff', 'HEAD', '--binary', '--no-ext-diff', '--no-textconv', '--no-color', ...others], {
      timeoutMs: PATIENCE_MS,
      mostBytes: MOST_BYTES,
    }),
    git(root, ['ls-files', '--others', '--exclude-standard', '--directory', '-z', ...others], {
      timeoutMs: PATIENCE_MS,
    }),
  ]);
  if (!diff.ok && diff.error.reason !== 'too-much') return undefined;
  const untracked = listed.ok
    ? listed.value
        .toString('utf8')
        .split('\0')
        .filter((path) => path !== '')
    : [];
  const differs = !diff.ok || diff.value.length > 0;
  return {
    dirty: differs,
    ...(diff.ok && differs && { patch: diff.value }),
    patchBytes: diff.ok ? diff.value.length : null,
    untracked: untracked.slice(0, MOST_NAMES),
  };
}

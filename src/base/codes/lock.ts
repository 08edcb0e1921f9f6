import { defineCodes } from './code.ts';

export const lockCodes = defineCodes({
  L001: {
    exit: 5,
    title: 'the pipeline differs from its lock file',
    explanation:
      'Under `--locked` settings, fingerprints, digests and counts must be exactly those of the lock file, and metrics within the tolerance. Run without `--locked` to update the lock and commit it, or undo the change.',
  },
  L002: {
    exit: 5,
    title: 'there is no lock file',
    explanation:
      '`--locked` and `reproduce` compare with `NAME.lock.yaml` beside the pipeline. `pipe run` writes it; commit it.',
  },
  L003: {
    exit: 5,
    title: 'a lock file is damaged',
    explanation: 'It is not what `pipe run` wrote. Run the pipeline without `--locked`: the lock is written anew.',
  },
  L004: {
    exit: 5,
    title: 'a lock file is from a newer version',
    explanation: 'It is left alone. Update pipe to use it.',
  },
  L005: {
    exit: 5,
    title: 'a lock file has conflict markers',
    explanation:
      'A merge has left both sides in it. Settle the pipeline file, then run the pipeline: the lock is written anew, no need to edit it.',
  },
  L006: {
    exit: 7,
    title: 'the lock file cannot be written',
    explanation:
      'The run itself is done. Make the folder of the pipeline file writable, or use `--locked` where nothing may change.',
  },
  L007: {
    exit: 5,
    title: 'a revision was not reproduced',
    explanation:
      'What the pipeline gives today differs from the lock file of that revision. The message names what differs.',
  },
  L010: {
    exit: 6,
    title: 'git is not available',
    explanation: '`diff` and `reproduce` call the `git` command. Install it, or put it on the PATH.',
  },
  L011: {
    exit: 2,
    title: 'not a git repository',
    explanation: '`diff` and `reproduce` compare commits: run them inside a repository that has one.',
  },
  L012: {
    exit: 2,
    title: 'unknown revision',
    explanation:
      'A revision is a commit, a branch, a tag, or something like HEAD~1. A shallow clone holds only the last commits: `git fetch --unshallow` gets the others.',
  },
  L013: {
    exit: 4,
    title: 'data of a revision are gone',
    explanation:
      'They are neither in the commit nor, under the same path, on this machine. Put them back, or keep data that must stay reproducible in git (or git LFS).',
  },
  L014: {
    exit: 6,
    title: 'git failed',
    explanation: 'The message is git’s own.',
  },
});

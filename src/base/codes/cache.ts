import { defineCodes } from './code.ts';

export const cacheCodes = defineCodes({
  K001: {
    exit: 7,
    title: 'the cache cannot be written',
    explanation:
      'A write below the cache folder failed: the disk is full, a quota is used up, or the disk reports errors. Nothing half-written is left behind, and what was finished is kept: free some space (`pipe cache size`, `pipe cache gc`) and run again.',
  },
  K002: {
    exit: 0,
    title: 'the cache is read-only',
    explanation:
      'The cache folder, or a part of it, refuses writes. What is in it is used; what is computed lies in a temporary folder and is gone after the run. Make the folder writable, or choose another with `--cache DIR`.',
  },
  K003: {
    exit: 7,
    title: 'the cache was written by a newer version',
    explanation:
      'The format of the cache is newer than this version of pipe can read. It is left alone. Use the newer version, or give this one a cache of its own with `--cache DIR` or PIPE_CACHE.',
  },
  K004: {
    exit: 0,
    title: 'something in the cache was damaged',
    explanation:
      'A file or a row did not fit its checksum. It was set aside in `quarantine/` below the cache folder and is computed again. Damage that comes back means a failing disk or memory; `pipe cache verify` reads everything.',
  },
  K005: {
    exit: 2,
    title: 'a collection needs a scope',
    explanation:
      '`pipe cache gc` deletes nothing unless it is told what may go: `--keep-last N`, `--older-than DAYS` or `--max-size BYTES`.',
  },
});

/** What every command works on: the project's folders, its cache, and what is remembered about files. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Cache, openCache } from '../cache/open-cache.ts';
import { DiskFileDigests } from '../files/disk-file-digests.ts';
import { DiskMemo } from '../files/disk-memo.ts';
import type { FileDigests } from '../files/file-digests.ts';
import type { Memo } from '../files/memo.ts';
import type { Project } from '../files/project.ts';

export interface Workspace {
  readonly project: Project;
  readonly cache: Cache;
  readonly memo: Memo;
  readonly digests: FileDigests;
  /** Keys the hashes of values from the environment. Made on first use, never leaves the cache folder. */
  secret(): string;
}

export function openWorkspace(project: Project, onDamage: (detail: string) => void): Workspace {
  const cache = openCache(project.cache, { onDamage });
  const memo = new DiskMemo(join(project.cache, 'memo'));
  let known: string | undefined;
  return {
    project,
    cache,
    memo,
    digests: new DiskFileDigests(memo),
    secret() {
      known ??= readOrMakeSecret(join(project.cache, 'secret'));
      return known;
    },
  };
}

function readOrMakeSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    const secret = randomBytes(32).toString('hex');
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, secret, { flag: 'wx', mode: 0o600 });
      return secret;
    } catch {
      // Another process made it first; or the cache is read-only, and a passing secret only costs a recomputation.
      return existing(path) ?? secret;
    }
  }
}

function existing(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

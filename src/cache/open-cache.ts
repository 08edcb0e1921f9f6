/** Opens the cache: the one place that knows all its parts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, problem, warning } from '../base/diagnostic.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { CacheWriteError } from '../files/write-error.ts';
import { CacheFolders } from './cache-folders.ts';
import { DiskBlobStore } from './disk-blob-store.ts';
import { DiskClaims } from './disk-claims.ts';
import { DiskEntryStore } from './disk-entry-store.ts';
import { DiskRowStore } from './disk-row-store.ts';
import type { EntryStore } from './entry-store.ts';
import { Quarantine } from './quarantine.ts';

/** Raised when an older version could not use what this one writes. */
export const CACHE_FORMAT = 1;

export interface Cache {
  readonly folder: string;
  readonly blobs: DiskBlobStore;
  readonly entries: EntryStore;
  readonly rowStore: DiskRowStore;
  readonly claims: DiskClaims;
  readonly quarantine: Quarantine;
  readonly memoFolder: string;
}

export interface CacheListeners {
  /** A damaged file or row was set aside; what was in it is computed again. Called once for each. */
  readonly onDamage: (detail: string) => void;
  /** The cache refuses writes: nothing is kept. Called once; without it the message goes to `onDamage`. */
  readonly onReadOnly?: (diagnostic: Diagnostic) => void;
}

/** A cache that a newer version of the tool has written: refused and left alone. */
export class NewerCacheError extends Error {
  override readonly name = 'NewerCacheError';
  readonly format: number;
  readonly diagnostic: Diagnostic;

  constructor(folder: string, format: number) {
    super(`the cache in ${folder} has format ${format}; this version of pipe knows format ${CACHE_FORMAT}`);
    this.format = format;
    this.diagnostic = problem('K003', this.message, {
      help: 'use the newer version of pipe, or give this one another cache with `--cache DIR` or PIPE_CACHE',
    });
  }
}

/** Opens a cache, making its folder on first use. @throws NewerCacheError */
export function openCache(folder: string, { onDamage, onReadOnly }: CacheListeners): Cache {
  const folders = new CacheFolders(folder, (error) => {
    const diagnostic = warning('K002', `nothing that is computed now is kept: ${error.message}`, {
      help: 'make the cache folder writable, or choose another with `--cache DIR`',
    });
    if (onReadOnly) onReadOnly(diagnostic);
    else onDamage(diagnostic.message);
  });
  checkFormat(folder);
  const quarantine = new Quarantine(join(folder, 'quarantine'), onDamage);
  return {
    folder,
    blobs: new DiskBlobStore(folders, quarantine),
    entries: new DiskEntryStore(folders, quarantine),
    rowStore: new DiskRowStore(folders, quarantine),
    claims: new DiskClaims(join(folder, 'claims')),
    quarantine,
    memoFolder: join(folder, 'memo'),
  };
}

function checkFormat(folder: string): void {
  const path = join(folder, 'format');
  const stated = readFormat(path);
  if (stated !== undefined && stated > CACHE_FORMAT) throw new NewerCacheError(folder, stated);
  if (stated !== undefined) return;
  try {
    // Backup tools leave out folders with this tag: https://bford.info/cachedir/
    writeFileAtomically(
      join(folder, 'CACHEDIR.TAG'),
      'Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of pipe: it can be deleted and is made again.\n',
      { flush: false },
    );
    writeFileAtomically(path, `${CACHE_FORMAT}\n`, { flush: false });
  } catch (error) {
    // The first thing that would be kept meets the refusal again, and says so.
    if (!(error instanceof CacheWriteError)) throw error;
  }
}

/** The stated format; undefined where there is none, or none that can be read. */
function readFormat(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    return /^\d{1,6}\n$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

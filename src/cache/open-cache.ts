import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { CacheWriteError } from '../files/write-error.ts';
import type { BlobStore } from './blob-store.ts';
import type { ClaimStore } from './claims.ts';
import { DiskBlobStore } from './disk-blob-store.ts';
import { DiskClaims } from './disk-claims.ts';
import { EntryStore } from './entry-store.ts';
import { PackRowStore } from './pack-row-store.ts';
import { type OnDamage, Quarantine } from './quarantine.ts';
import type { RowStore } from './row-store.ts';

/** Raised when an older version could not read what this one writes. */
export const CACHE_FORMAT = 1;

export interface Cache {
  readonly folder: string;
  readonly blobs: BlobStore;
  readonly entries: EntryStore;
  readonly rowStore: RowStore;
  readonly claims: ClaimStore;
  readonly quarantine: Quarantine;
}

/** A cache of a newer format: refused, never rewritten. */
export class NewerCacheError extends Error {
  override readonly name = 'NewerCacheError';
  readonly format: number;
  constructor(folder: string, format: number) {
    super(`the cache in ${folder} has format ${format}; this version of pipe knows ${CACHE_FORMAT}`);
    this.format = format;
  }
}

/** Opens a cache, making its folder on first use. @throws NewerCacheError */
export function openCache(folder: string, { onDamage }: { readonly onDamage: OnDamage }): Cache {
  checkFormat(folder);
  const quarantine = new Quarantine(join(folder, 'quarantine'), onDamage);
  const blobs = new DiskBlobStore(join(folder, 'blobs'), quarantine);
  return {
    folder,
    blobs,
    entries: new EntryStore(join(folder, 'entries'), blobs, quarantine),
    rowStore: new PackRowStore(join(folder, 'rows'), quarantine),
    claims: new DiskClaims(join(folder, 'claims')),
    quarantine,
  };
}

function checkFormat(folder: string): void {
  const path = join(folder, 'format');
  const stated = readFormat(path);
  if (stated === undefined) {
    try {
      mkdirSync(folder, { recursive: true });
      writeFileAtomically(path, `${CACHE_FORMAT}\n`, { flush: false });
      writeFileAtomically(join(folder, 'CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of pipe.\n', { flush: false });
    } catch (error) {
      // A folder that cannot be written is met again, with a better message, by the first stage that has something to store.
      if (!(error instanceof CacheWriteError) && !(error instanceof Error && 'code' in error)) throw error;
    }
  } else if (stated > CACHE_FORMAT) throw new NewerCacheError(folder, stated);
}

function readFormat(path: string): number | undefined {
  try {
    const format = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return Number.isInteger(format) ? format : undefined;
  } catch {
    return undefined;
  }
}

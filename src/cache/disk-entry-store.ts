/** Entries as files, `<cache>/entries/ab/<fingerprint>.json`: one file read, one hash and one parse each. */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Fingerprint, parseFingerprint } from '../base/digest.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { errnoOf } from '../files/write-error.ts';
import type { CacheFolders } from './cache-folders.ts';
import { decodeChecked, encodeChecked, FIRST_BYTE } from './checked-json.ts';
import { relativePath as relativeBlobPath } from './disk-blob-store.ts';
import type { CacheEntry, EntryStore, ListedEntry } from './entry-store.ts';
import { filesBelow } from './files-below.ts';
import { markUsed } from './mark-used.ts';
import { patiently } from './patiently.ts';
import type { Quarantine } from './quarantine.ts';

export class DiskEntryStore implements EntryStore {
  readonly #folders: CacheFolders;
  readonly #quarantine: Quarantine;
  /** Forgotten in a cache that could not be written. */
  readonly #removed = new Set<Fingerprint>();

  constructor(folders: CacheFolders, quarantine: Quarantine) {
    this.#folders = folders;
    this.#quarantine = quarantine;
  }

  read(fingerprint: Fingerprint): CacheEntry | undefined {
    if (this.#removed.has(fingerprint)) return undefined;
    const path = this.#path(fingerprint);
    // Asking costs a tenth of an error, and most stages of a large sweep are not there.
    const entry = existsSync(path) ? this.#load(path, fingerprint) : undefined;
    return entry && this.#isComplete(entry) ? entry : undefined;
  }

  async commit(entry: CacheEntry): Promise<void> {
    const text = encodeChecked(entry);
    const relative = relativePath(entry.fingerprint);
    await patiently(() => this.#folders.write((folder) => writeFileAtomically(join(folder, relative), text)));
    this.#removed.delete(entry.fingerprint);
  }

  remove(fingerprint: Fingerprint): void {
    try {
      rmSync(this.#path(fingerprint), { force: true });
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      this.#removed.add(fingerprint);
    }
  }

  touch(fingerprint: Fingerprint): void {
    markUsed(this.#path(fingerprint), FIRST_BYTE);
  }

  *list(): IterableIterator<ListedEntry> {
    for (const folder of this.#folders.all) {
      for (const path of filesBelow(join(folder, 'entries'), '.json')) {
        const name = basename(path, '.json');
        const stat = statSync(path, { throwIfNoEntry: false });
        if (!stat || !/^[0-9a-f]{64}$/.test(name)) continue;
        const entry = this.#load(path, parseFingerprint(name));
        if (entry) yield { entry, path, bytes: stat.size, mtimeMs: stat.mtimeMs };
      }
    }
  }

  #load(path: string, fingerprint: Fingerprint): CacheEntry | undefined {
    let bytes: Buffer;
    try {
      bytes = readFileSync(path);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      if (errnoOf(error) === 'EIO') this.#setAside(path, 'it cannot be read (input/output error)');
      return undefined;
    }
    const decoded = decodeChecked(bytes);
    // What a newer version wrote is left alone: another run may be using it.
    if (decoded === 'newer') return undefined;
    if (decoded === 'damaged') {
      this.#setAside(path, 'its checksum does not fit', bytes);
      return undefined;
    }
    // The digest fits, so the text is what `commit` wrote.
    const entry: CacheEntry = JSON.parse(decoded.body);
    if (entry.fingerprint === fingerprint) return entry;
    this.#setAside(path, 'it belongs to another fingerprint', bytes);
    return undefined;
  }

  #setAside(path: string, why: string, read?: Buffer): void {
    const seen = statSync(path, { throwIfNoEntry: false });
    if (read && seen?.size !== read.length) return; // replaced since it was read
    this.#quarantine.setAside(path, `the cache entry ${basename(path, '.json').slice(0, 12)} is damaged: ${why}`, seen);
  }

  #isComplete({ rowSpace, blobs }: CacheEntry): boolean {
    if (rowSpace !== undefined && !this.#exists(join('rows', rowSpace, 'space.json'))) return false;
    return blobs.every((blob) => this.#exists(relativeBlobPath(blob)));
  }

  #exists(relative: string): boolean {
    return existsSync(this.#folders.locate(relative));
  }

  #path(fingerprint: Fingerprint): string {
    return this.#folders.locate(relativePath(fingerprint));
  }
}

function relativePath(fingerprint: Fingerprint): string {
  return join('entries', fingerprint.slice(0, 2), `${fingerprint}.json`);
}

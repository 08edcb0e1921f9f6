/** Row spaces as folders, `<cache>/rows/<space>/`: `space.json` says what the rows are, the packs beside it hold them. */
import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Digest } from '../base/digest.ts';
import type { JsonObject } from '../base/json.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { errnoOf } from '../files/write-error.ts';
import type { CacheFolders } from './cache-folders.ts';
import { decodeChecked, encodeChecked, FIRST_BYTE } from './checked-json.ts';
import { DiskRowSpace, type SpaceSurroundings } from './disk-row-space.ts';
import { markUsed } from './mark-used.ts';
import { OpenFiles } from './open-files.ts';
import { patiently } from './patiently.ts';
import type { Quarantine } from './quarantine.ts';
import type { RowSpace, RowStore, RowTraffic } from './row-store.ts';

/** What `space.json` holds. */
export interface SpaceDefinition {
  readonly space: Digest;
  readonly rowBytes: number;
  readonly definition: JsonObject;
}

interface SharedSpace {
  readonly space: DiskRowSpace;
  users: number;
}

export class DiskRowStore implements RowStore {
  readonly traffic: RowTraffic = { read: 0, given: 0 };
  readonly #around: SpaceSurroundings;
  /** Spaces that are open: stages of one process share them, and see each other's rows at once. */
  readonly #open = new Map<Digest, SharedSpace>();

  constructor(folders: CacheFolders, quarantine: Quarantine) {
    this.#around = { folders, quarantine, files: new OpenFiles(), traffic: this.traffic };
  }

  async open(space: Digest, definition: JsonObject, rowBytes: number): Promise<SpaceUse> {
    if (!Number.isInteger(rowBytes) || rowBytes < 1) throw new Error(`rows of ${rowBytes} bytes`);
    const known = this.#define(space);
    if (known && known.rowBytes !== rowBytes)
      throw new Error(`space ${space} has rows of ${known.rowBytes} bytes, not ${rowBytes}`);
    if (!known) {
      const text = encodeChecked({ space, rowBytes, definition } satisfies SpaceDefinition);
      const { folders } = this.#around;
      await patiently(() => folders.write((folder) => writeFileAtomically(join(folder, relativePath(space)), text)));
    }
    return this.#share(space, rowBytes);
  }

  async find(space: Digest): Promise<SpaceUse | undefined> {
    const known = this.#define(space);
    return known && this.#share(space, known.rowBytes);
  }

  freeBytes(): number {
    const { bavail, bsize } = statfsSync(nearestExisting(this.#around.folders.main));
    return bavail * bsize;
  }

  #define(space: Digest): SpaceDefinition | undefined {
    const path = this.#around.folders.locate(relativePath(space));
    const known = readSpace(path);
    if (known !== 'damaged' && known?.space === space) return known;
    if (known !== undefined) {
      const seen = statSync(path, { throwIfNoEntry: false });
      this.#around.quarantine.setAside(path, `the definition of row space ${space.slice(0, 12)} is damaged`, seen);
    }
    return undefined;
  }

  async #share(space: Digest, rowBytes: number): Promise<SpaceUse> {
    const shared = this.#open.get(space) ?? { space: new DiskRowSpace(space, rowBytes, this.#around), users: 0 };
    this.#open.set(space, shared);
    shared.users++;
    markUsed(this.#around.folders.locate(relativePath(space)), FIRST_BYTE);
    await shared.space.refresh();
    return new SpaceUse(shared.space, async () => {
      shared.users--;
      if (shared.users > 0) return;
      this.#open.delete(space);
      await shared.space.close();
    });
  }
}

/** One user's hold on a space; the last one to let go closes it. */
export class SpaceUse implements RowSpace {
  readonly rowBytes: number;
  readonly traffic: RowTraffic;
  readonly #space: DiskRowSpace;
  #letGo: (() => Promise<void>) | undefined;

  constructor(space: DiskRowSpace, letGo: () => Promise<void>) {
    this.rowBytes = space.rowBytes;
    this.traffic = space.traffic;
    this.#space = space;
    this.#letGo = letGo;
  }

  get count(): number {
    return this.#space.count;
  }

  has(key: Uint8Array): boolean {
    return this.#space.has(key);
  }

  append(keys: readonly Uint8Array[], rows: Uint8Array): Promise<void> {
    if (!this.#letGo) throw new Error('appended to a row space that is closed');
    return this.#space.append(keys, rows);
  }

  read(keys: readonly Uint8Array[], into: Uint8Array): Promise<{ readonly missing: readonly number[] }> {
    return this.#space.read(keys, into);
  }

  /** See `DiskRowSpace.bury`. */
  bury(key: Uint8Array, pack: string, row: number): Promise<void> {
    return this.#space.bury(key, pack, row);
  }

  refresh(): Promise<void> {
    return this.#space.refresh();
  }

  async close(): Promise<void> {
    const letGo = this.#letGo;
    this.#letGo = undefined;
    await letGo?.();
  }
}

/** The definition in a `space.json`; undefined where there is none or a newer version wrote it. */
export function readSpace(path: string): SpaceDefinition | 'damaged' | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return errnoOf(error) === 'EIO' ? 'damaged' : undefined;
  }
  const decoded = decodeChecked(bytes);
  if (decoded === 'damaged') return 'damaged';
  if (decoded === 'newer') return undefined;
  const definition: SpaceDefinition = JSON.parse(decoded.body);
  return definition;
}

function relativePath(space: Digest): string {
  return join('rows', space, 'space.json');
}

function nearestExisting(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestExisting(dirname(folder));
}

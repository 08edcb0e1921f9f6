import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../base/digest.ts';
import type { JsonObject } from '../base/json.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { CacheWriteError } from '../files/write-error.ts';
import { PackRowSpace } from './pack-row-space.ts';
import type { Quarantine } from './quarantine.ts';
import type { RowSpace, RowStore } from './row-store.ts';

/** Row spaces as folders of packs. */
export class PackRowStore implements RowStore {
  readonly #folder: string;
  readonly #quarantine: Quarantine;

  constructor(folder: string, quarantine: Quarantine) {
    this.#folder = folder;
    this.#quarantine = quarantine;
  }

  async open(space: Digest, definition: JsonObject, rowBytes: number): Promise<RowSpace> {
    const folder = join(this.#folder, space);
    const stated = join(folder, 'space.json');
    if (!existsSync(stated)) {
      try {
        mkdirSync(folder, { recursive: true });
        writeFileAtomically(stated, `${JSON.stringify({ rowBytes, definition }, null, 1)}\n`);
      } catch (error) {
        // In a read-only cache an empty space still reads as empty; the first append reports the refusal.
        if (!(error instanceof CacheWriteError) && !(error instanceof Error && 'code' in error)) throw error;
      }
    }
    return this.#load(folder, rowBytes);
  }

  async find(space: Digest): Promise<RowSpace | undefined> {
    const folder = join(this.#folder, space);
    const rowBytes = statedRowBytes(join(folder, 'space.json'));
    return rowBytes === undefined ? undefined : this.#load(folder, rowBytes);
  }

  async #load(folder: string, rowBytes: number): Promise<RowSpace> {
    const space = new PackRowSpace(folder, rowBytes, this.#quarantine);
    await space.refresh();
    return space;
  }
}

/** The row size that a space states, or undefined where there is no space or its description is damaged. */
function statedRowBytes(path: string): number | undefined {
  try {
    const stated: { rowBytes?: unknown } = JSON.parse(readFileSync(path, 'utf8'));
    return typeof stated.rowBytes === 'number' && stated.rowBytes > 0 ? stated.rowBytes : undefined;
  } catch {
    return undefined;
  }
}

/** Damaged files are set aside, never deleted: a disk that rots should leave evidence. Each is said once. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, type Stats, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import type { JsonObject } from '../base/json.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { errnoOf } from '../files/write-error.ts';

export class Quarantine {
  readonly folder: string;
  readonly #onDamage: (detail: string) => void;
  readonly #said = new Set<string>();

  constructor(folder: string, onDamage: (detail: string) => void) {
    this.folder = folder;
    this.#onDamage = onDamage;
  }

  /**
   * Moves a damaged file out of the way. `seen` is the file as it was read: when another has taken its name since, that
   * one stays. Where the folder cannot be written the file stays too, and reads as missing all the same.
   */
  setAside(path: string, detail: string, seen: Stats | undefined): void {
    const now = statSync(path, { throwIfNoEntry: false });
    if (!now || (seen && (now.ino !== seen.ino || now.mtimeMs !== seen.mtimeMs))) return;
    const name = `${stamp()}-${randomBytes(8).toString('hex')}-${basename(path)}`;
    try {
      mkdirSync(this.folder, { recursive: true });
      renameSync(path, join(this.folder, name));
      this.#writeNote(name, { detail, from: path, bytes: now.size });
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
    this.#say(path, detail);
  }

  /** Notes damage inside a file that goes on being used, such as one row of a pack. `id` names the damage for good. */
  note(id: string, detail: string, facts: JsonObject): void {
    if (existsSync(join(this.folder, `${id}.json`))) return;
    try {
      mkdirSync(this.folder, { recursive: true });
      this.#writeNote(id, { detail, ...facts });
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
    this.#say(id, detail);
  }

  #writeNote(name: string, facts: JsonObject): void {
    const note = { ...facts, at: new Date().toISOString(), host: hostname(), pid: process.pid };
    try {
      writeFileAtomically(join(this.folder, `${name}.json`), `${JSON.stringify(note, null, 1)}\n`, { flush: false });
    } catch (error) {
      // The note is for people; a full disk must not turn a miss into a failure.
      if (!(error instanceof Error && error.name === 'CacheWriteError')) throw error;
    }
  }

  #say(id: string, detail: string): void {
    if (this.#said.has(id)) return;
    this.#said.add(id);
    this.#onDamage(detail);
  }
}

/** Sortable time without characters that some file systems refuse. */
function stamp(): string {
  return new Date().toISOString().replace(/[-:]/g, '').slice(0, 15);
}

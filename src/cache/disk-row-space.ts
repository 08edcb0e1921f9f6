/**
 * A row space on disk. `append` resolves when rows and records are with the kernel: `kill -9` then loses none. They are flushed to
 * the device every few seconds and by `close`; what a power cut takes before that fails its checksum and is computed again.
 */
import { join } from 'node:path';
import type { Digest } from '../base/digest.ts';
import { CacheWriteError } from '../files/write-error.ts';
import { type CacheFolders, isRefusal } from './cache-folders.ts';
import { KeyIndex } from './key-index.ts';
import type { OpenFiles } from './open-files.ts';
import { PackWriter, type RowRun } from './pack-writer.ts';
import { patiently } from './patiently.ts';
import type { Quarantine } from './quarantine.ts';
import { type LostRow, readRows, type WantedRow } from './row-reader.ts';
import type { RowSpace, RowTraffic } from './row-store.ts';
import { SpacePacks } from './space-packs.ts';

const FLUSH_EVERY_MS = 5000;

export interface SpaceSurroundings {
  readonly folders: CacheFolders;
  readonly files: OpenFiles;
  readonly quarantine: Quarantine;
  readonly traffic: RowTraffic;
}

export class DiskRowSpace implements RowSpace {
  readonly rowBytes: number;
  readonly traffic: RowTraffic;
  readonly #space: Digest;
  readonly #around: SpaceSurroundings;
  readonly #index = new KeyIndex();
  readonly #packs: SpacePacks;
  #writer: { readonly pack: PackWriter; readonly number: number } | undefined;
  /** Appends one after another; the last of them. */
  #appending: Promise<void> = Promise.resolve();
  #flushedAt = performance.now();

  constructor(space: Digest, rowBytes: number, around: SpaceSurroundings) {
    this.#space = space;
    this.rowBytes = rowBytes;
    this.traffic = around.traffic;
    this.#around = around;
    this.#packs = new SpacePacks(space, rowBytes, this.#index, around.quarantine);
  }

  get count(): number {
    return this.#index.count;
  }

  has(key: Uint8Array): boolean {
    return this.#index.find(key) >= 0;
  }

  append(keys: readonly Uint8Array[], rows: Uint8Array): Promise<void> {
    if (rows.length !== keys.length * this.rowBytes) {
      throw new Error(`${keys.length} rows of ${this.rowBytes} bytes do not make ${rows.length} bytes`);
    }
    return this.#queue(async () => {
      for (const run of this.#newRuns(keys, rows)) await this.#appendRun(run);
      if (performance.now() - this.#flushedAt < FLUSH_EVERY_MS) return;
      if (this.#writer) await this.#orRefused(this.#writer.pack.sync());
      this.#flushedAt = performance.now();
    });
  }

  async read(keys: readonly Uint8Array[], into: Uint8Array): Promise<{ readonly missing: readonly number[] }> {
    if (into.length < keys.length * this.rowBytes) throw new Error('the buffer is too small for the rows asked for');
    const missing: number[] = [];
    const wanted: WantedRow[] = [];
    keys.forEach((key, to) => {
      const handle = this.#index.find(key);
      if (handle < 0) missing.push(to);
      else
        wanted.push({ pack: this.#index.pack(handle), row: this.#index.row(handle), crc: this.#index.crc(handle), to });
    });
    const lost = await readRows(wanted, (pack) => this.#packs.path(pack), this.#around.files, this.rowBytes, into);
    for (const row of lost) {
      missing.push(row.wanted.to);
      const key = keys[row.wanted.to];
      if (key) await this.#giveUp(key, row.wanted.pack, row.wanted.row, row.reason);
    }
    return { missing: missing.sort((a, b) => a - b) };
  }

  async refresh(): Promise<void> {
    this.#packs.refresh(this.#around.folders.all.map((folder) => join(folder, 'rows', this.#space)));
  }

  /** Takes a row that was found damaged out of everybody's index. `pack` is its path without the ending. */
  async bury(key: Uint8Array, pack: string, row: number): Promise<void> {
    const number = this.#packs.numberOf(pack);
    if (number !== undefined) await this.#giveUp(key, number, row, 'damaged');
  }

  close(): Promise<void> {
    return this.#queue(async () => {
      const writer = this.#writer;
      this.#writer = undefined;
      for (const folder of this.#around.folders.all) this.#around.files.closeBelow(join(folder, 'rows', this.#space));
      if (writer) await this.#orRefused(writer.pack.close());
    });
  }

  #queue(act: () => Promise<void>): Promise<void> {
    const acted = this.#appending.then(act);
    this.#appending = acted.catch(() => undefined);
    return acted;
  }

  /** Runs of rows whose keys are not here yet, each key once. */
  #newRuns(keys: readonly Uint8Array[], rows: Uint8Array): readonly RowRun[] {
    const runs: { keys: Uint8Array[]; start: number }[] = [];
    const taken = new Set<string>();
    let wasNew = false;
    keys.forEach((key, i) => {
      const text = Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
      const isNew = !this.has(key) && !taken.has(text);
      if (isNew && wasNew) runs.at(-1)?.keys.push(key);
      else if (isNew) runs.push({ keys: [key], start: i });
      taken.add(text);
      wasNew = isNew;
    });
    return runs.map(({ keys: run, start }) => ({
      keys: run,
      rows: rows.subarray(start * this.rowBytes, (start + run.length) * this.rowBytes),
    }));
  }

  async #appendRun({ keys, rows }: RowRun): Promise<void> {
    for (let done = 0; done < keys.length; ) {
      const { pack, number } = await this.#openWriter();
      const part = keys.slice(done, done + pack.room);
      const bytes = rows.subarray(done * this.rowBytes, (done + part.length) * this.rowBytes);
      try {
        for (const { key, row, crc } of await pack.append({ keys: part, rows: bytes }))
          this.#index.add(key, number, row, crc);
        done += part.length;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        await this.#moveToSpare(error, pack);
      }
    }
  }

  /** The pack that is being written, another one when it is full. */
  async #openWriter() {
    if (this.#writer && this.#writer.pack.room > 0) return this.#writer;
    const full = this.#writer;
    this.#writer = undefined;
    if (full) await this.#orRefused(full.pack.close());
    return this.#startPack((create) => this.#around.folders.write(create));
  }

  async #startPack(place: (create: (folder: string) => Promise<PackWriter>) => Promise<PackWriter>) {
    const create = (folder: string) => PackWriter.create(join(folder, 'rows', this.#space), this.#space, this.rowBytes);
    const pack = await patiently(() => place(create));
    this.#writer = { pack, number: this.#packs.addOwn(join(pack.folder, pack.name)) };
    return this.#writer;
  }

  /** A file system that turns read-only under an open pack: the rows go on in the spare folder. */
  async #moveToSpare(error: CacheWriteError, from: PackWriter) {
    const spare = this.#around.folders.refused(error);
    if (from.folder.startsWith(spare)) throw error;
    this.#writer = undefined;
    await this.#orRefused(from.close());
    await this.#startPack((create) => create(spare));
  }

  /** A flush that is refused for want of permission costs only durability, which the notice of the refusal has given up. */
  async #orRefused(flush: Promise<void>): Promise<void> {
    try {
      await flush;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#around.folders.refused(error);
    }
  }

  /** Takes a row out of the index, and, where its bytes are damaged, out of everybody's. */
  async #giveUp(key: Uint8Array, pack: number, row: number, reason: LostRow['reason']): Promise<void> {
    const tag = this.#packs.tag(pack);
    if (!this.#packs.bury(key, tag, row)) return;
    const name = this.#packs.path(pack);
    const says = reason === 'damaged' ? 'does not fit its checksum' : 'cannot be read';
    this.#around.quarantine.note(
      `rows-${this.#space.slice(0, 12)}-${tag.toString(16)}-${row}`,
      `row ${row} of ${name}.pack ${says}`,
      {
        pack: name,
        row,
        key: Buffer.from(key).toString('hex'),
      },
    );
    if (reason !== 'damaged') return;
    try {
      await this.#queue(async () => (await this.#openWriter()).pack.bury(key, tag, row));
    } catch (error) {
      // Without the record the next reader finds the damage itself.
      if (!(error instanceof CacheWriteError)) throw error;
    }
  }
}

/** A folder of data, and what the ingest kinds make of it, without a pipeline file. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Diagnostic } from '../src/base/diagnostic.ts';
import type { Json } from '../src/base/json.ts';
import type { RowTable } from '../src/data/row-table.ts';
import { DiskFileDigests } from '../src/files/disk-file-digests.ts';
import type { Memo } from '../src/files/memo.ts';
import type { ResolveContext, Resolved, StageKind } from '../src/stages/stage-kind.ts';

export class DatasetRig {
  readonly folder = mkdtempSync(join(tmpdir(), 'dataset-rig-'));
  readonly memo = new Map<string, Uint8Array>();

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string | Uint8Array): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  context(offline = true): ResolveContext {
    const kept: Memo = {
      get: (key) => this.memo.get(key),
      set: (key, bytes) => this.memo.set(key, new Uint8Array(bytes)),
    };
    return {
      baseDirectory: () => this.folder,
      at: (pointer) => ({ file: `pipeline.yaml:${pointer}`, line: 1, column: 1 }),
      digests: new DiskFileDigests(kept),
      memo: kept,
      home: this.path('home'),
      offline,
      root: this.folder,
    };
  }

  /** What a kind resolves to. @throws Error with the diagnostics where it refuses */
  async resolve<Params>(kind: StageKind<Params>, given: Json, offline = true): Promise<Resolved> {
    const resolved = await kind.resolve?.(kind.complete(given), this.context(offline));
    if (!resolved?.ok) throw new Error(JSON.stringify(resolved?.error));
    return resolved.value;
  }

  /** Why a kind refuses. @throws Error where it does not */
  async refusal<Params>(kind: StageKind<Params>, given: Json, offline = true): Promise<readonly Diagnostic[]> {
    const resolved = await kind.resolve?.(kind.complete(given), this.context(offline));
    if (!resolved || resolved.ok) throw new Error('it was accepted');
    return resolved.error;
  }

  async rows<Params>(kind: StageKind<Params>, given: Json, offline = true): Promise<RowTable> {
    return rowsOf(await this.resolve(kind, given, offline));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function rowsOf({ rows }: Resolved): Promise<RowTable> {
  const table = await rows?.();
  if (!table?.ok) throw new Error(JSON.stringify(table?.error));
  return table.value;
}

/** Rows as [split, name, label]. */
export function listed(table: RowTable): readonly (readonly [string, string, string | undefined])[] {
  return Array.from({ length: table.count }, (_, row) => [
    table.splitOf(row),
    table.name(row),
    table.classes[table.label[row] ?? -1],
  ]);
}

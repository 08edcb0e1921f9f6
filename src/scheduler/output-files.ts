/** Files made for people: copies of cached blobs, put back by any run where they are missing or altered. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Digest } from '../base/digest.ts';
import type { Plan, PlannedStage } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import type { Artifact, OutputFile } from '../stages/artifacts.ts';

/** Where an output of a stage goes: a bare name lies in `results/<pipeline>/`, any other path is relative to the pipeline file. */
export function outputPath(plan: Plan, stage: PlannedStage, workspace: Workspace, file: OutputFile): string {
  const folder = stage.kind.outputFolder?.(stage.params);
  const place = (wanted: string) =>
    /[\\/]/.test(wanted)
      ? resolve(dirname(plan.config.path), wanted)
      : join(workspace.project.root, 'results', plan.config.name, wanted);
  return folder === undefined
    ? place(stage.kind.outputPath?.(stage.params, file.name) ?? file.name)
    : join(place(folder), file.name);
}

/**
 * Makes the outputs of a finished stage present. @returns artifact name to path.
 * @throws CacheWriteError when the folder cannot be written.
 */
export async function placeOutputs(
  plan: Plan,
  stage: PlannedStage,
  artifacts: Readonly<Record<string, Artifact>>,
  workspace: Workspace,
): Promise<Readonly<Record<string, string>>> {
  const placed: Record<string, string> = {};
  for (const [name, artifact] of Object.entries(artifacts)) {
    const files = 'outputs' in artifact ? artifact.outputs : [];
    for (const file of files) {
      const path = outputPath(plan, stage, workspace, file);
      if (fileDigest(path) !== file.blob) await copyBlob(workspace, file.blob, path);
      placed[files.length === 1 ? name : file.name] = path;
    }
  }
  return placed;
}

async function copyBlob(workspace: Workspace, blob: Digest, path: string): Promise<void> {
  const bytes = await workspace.cache.blobs.get(blob);
  if (!bytes) throw new DamagedOutput(blob);
  const { writeFileAtomically } = await import('../files/atomic-file.ts');
  await writeFileAtomically(path, bytes);
}

/** An output's blob is missing from the cache or damaged: the stage must run again. */
export class DamagedOutput extends Error {
  constructor(blob: Digest) {
    super(`the cached copy of an output is damaged: ${blob}`);
  }
}

/** SHA-256 of a file, or undefined where it cannot be read. */
function fileDigest(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(1 << 16);
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) hash.update(chunk.subarray(0, read));
    return hash.digest('hex');
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

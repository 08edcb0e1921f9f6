/** An artifact as files in a folder, for a program that knows nothing of the cache. */
import { join } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { writeFileAtomically } from '../../files/atomic-file.ts';
import { NpyWriter } from '../../files/npy.ts';
import type { OutputFile } from '../artifacts.ts';
import { chosenRows } from '../inputs/chosen-rows.ts';
import { FeatureChunks, writeNumbers } from '../inputs/feature-chunks.ts';
import { openFeatures } from '../inputs/feature-source.ts';
import { writeRowsCsv } from '../rows-csv.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';

const unflushed = { flush: false } as const;

/** Writes what the artifact at a port holds below `folder`; `artifact.json` describes it. */
export async function writeArtifactFiles(
  port: string,
  folder: string,
  context: RunContext,
): Promise<Result<void, StageFailure>> {
  const artifact = context.anyInput(port);
  writeFileAtomically(join(folder, 'artifact.json'), `${JSON.stringify(artifact, null, 2)}\n`, unflushed);
  const blobs = new BlobFiles(port, folder, context);
  switch (artifact.type) {
    case 'dataset':
    case 'images':
      await writeTable(artifact.rows, folder, context);
      return ok(undefined);
    case 'features':
      return writeFeatures(port, folder, context);
    case 'model':
      return blobs.write([{ name: 'weights.safetensors', blob: artifact.weights }]);
    case 'predictions':
      await writeTable(artifact.rows, folder, context);
      return blobs.write([{ name: 'probabilities.npy', blob: artifact.probabilities }, ...artifact.outputs]);
    case 'files':
      return blobs.write(artifact.outputs);
    case 'metrics':
      return ok(undefined);
  }
}

class BlobFiles {
  readonly #port: string;
  readonly #folder: string;
  readonly #context: RunContext;

  constructor(port: string, folder: string, context: RunContext) {
    this.#port = port;
    this.#folder = folder;
    this.#context = context;
  }

  async write(files: readonly OutputFile[]): Promise<Result<void, StageFailure>> {
    for (const { name, blob } of files) {
      const bytes = await this.#context.blobs.get(blob);
      if (!bytes) return err({ reason: 'damaged-input', port: this.#port, detail: `${name} is missing or damaged` });
      writeFileAtomically(join(this.#folder, name), bytes, unflushed);
    }
    return ok(undefined);
  }
}

async function writeTable(rows: Digest, folder: string, context: RunContext): Promise<void> {
  const table = await context.rowTable(rows);
  writeRowsCsv(join(folder, 'rows.csv'), table, chosenRows(table, 'all'));
}

async function writeFeatures(port: string, folder: string, context: RunContext): Promise<Result<void, StageFailure>> {
  const opened = await openFeatures(port, context);
  if (!opened.ok) return opened;
  const { source, table, space } = opened.value;
  try {
    const rows = chosenRows(table, 'all');
    writeRowsCsv(join(folder, 'rows.csv'), table, rows);
    const chunks = new FeatureChunks(source, table, rows, context);
    return await writeNumbers(
      new NpyWriter(join(folder, 'features.npy'), [rows.length, ...chunks.shape], 'float32', unflushed),
      chunks,
    );
  } finally {
    await space.close();
  }
}

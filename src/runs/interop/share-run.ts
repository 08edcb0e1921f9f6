/** Hands a run to other tools, as the options of `run` and `show` ask. */
import type { Diagnostic } from '../../base/diagnostic.ts';
import { problem } from '../../base/diagnostic.ts';
import { CacheWriteError } from '../../files/write-error.ts';
import type { RunDetails } from '../run-details.ts';
import type { RunRecord } from '../run-record.ts';
import { factsOf } from './run-facts.ts';

export interface Sharing {
  /** Folder for TensorBoard's event files. */
  readonly tensorboard?: string | undefined;
  /** Folder for `params.yaml`, `metrics.json` and their like. */
  readonly dvc?: string | undefined;
  /** Address of an MLflow server. */
  readonly mlflow?: string | undefined;
}

/** @returns what went wrong; the other tools get the run all the same. */
export async function shareRun(
  record: RunRecord,
  details: RunDetails | undefined,
  { tensorboard, dvc, mlflow }: Sharing,
): Promise<readonly Diagnostic[]> {
  const facts = factsOf(record, details);
  const problems: Diagnostic[] = [];
  const writing = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof CacheWriteError)) throw error;
      problems.push(problem('K001', error.message, { help: 'make the folder writable' }));
    }
  };
  if (tensorboard !== undefined)
    await writing(async () => (await import('./tensorboard.ts')).writeTensorboard(tensorboard, facts));
  if (dvc !== undefined) await writing(async () => (await import('./dvc-files.ts')).writeDvcFiles(dvc, facts));
  if (mlflow !== undefined) {
    const sent = await (await import('./mlflow.ts')).sendToMlflow(mlflow, facts);
    if (!sent.ok) problems.push(sent.error);
  }
  return problems;
}

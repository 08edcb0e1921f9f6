/** A model that has been found, ready to be asked. */
import type { Result } from '../../base/result.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { ForwardSession } from '../../engines/engine.ts';
import type { SkippedImages } from '../../stages/inputs/image-inputs.ts';
import type { InputSource } from '../../stages/inputs/input-batches.ts';
import type { RunContext, StageFailure } from '../../stages/stage-kind.ts';

export interface Answering {
  /** For messages. */
  readonly name: string;
  readonly classes: readonly string[];
  /** Makes ready to answer for the images of a table. */
  open(table: RowTable, skips: SkippedImages, asking: Asking): Promise<Result<OpenAnswers, StageFailure>>;
}

/** What a question has at hand, whatever answers it. */
export type Asking = Pick<RunContext, 'engine' | 'images' | 'home' | 'offline' | 'signal' | 'progress' | 'warn'>;

export interface OpenAnswers {
  readonly source: InputSource;
  /** Rows of the table that can be asked about. */
  readonly rows: Uint32Array;
  /** Gives probabilities of what the source gives. */
  readonly session: ForwardSession;
  close(): Promise<void>;
}

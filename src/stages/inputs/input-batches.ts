/** What a training or a forward pass reads: the inputs of some rows, batch by batch, the next one fetched while one is used. */
import type { Result } from '../../base/result.ts';
import type { SharedInput } from '../../engines/shared-input.ts';
import type { Shape } from '../../networks/network.ts';
import type { StageFailure } from '../stage-kind.ts';

/** Inputs of consecutive rows of an order. */
export interface InputBatch {
  /** `[rows.length, …shape]`, row-major. It may be longer than that: then the rest means nothing, but for what `places` says. */
  readonly input: Float32Array<ArrayBuffer>;
  /** Rows of the table. */
  readonly rows: Uint32Array;
  /** Where the input is that of other readers too: it is read only then, and never handed over. */
  readonly shared?: SharedInput;
  /** Where each row lies in a shared input, counted in rows, if not one after another from its start. */
  readonly places?: Uint32Array;
}

export interface BatchReader {
  /** The next batch, or undefined after the last one. */
  next(): Promise<Result<InputBatch | undefined, StageFailure>>;
  /** Gives an array back for reuse. */
  recycle(input: Float32Array<ArrayBuffer>): void;
  /** Waits for what is still being fetched. */
  close(): Promise<void>;
}

/** Inputs of a table's rows: stored features, or images decoded on the way. */
export interface InputSource {
  /** Of one row. */
  readonly shape: Shape;
  /**
   * @param epoch where the rows are read for training, so that augmentation may differ; undefined otherwise
   * @param sharing whether batches may be shared ones
   */
  open(order: Uint32Array, batch: number, epoch?: number, sharing?: boolean): BatchReader;
}

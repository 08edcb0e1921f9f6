/** Stored features as the input of a training or a forward pass. */
import { createHash } from 'node:crypto';
import type { Digest } from '../../base/digest.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RowSpace } from '../../cache/row-store.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { SharedInput } from '../../engines/shared-input.ts';
import { decodeFloat16 } from '../../files/float16.ts';
import { type Shape, sizeOf } from '../../networks/network.ts';
import type { FeaturesArtifact } from '../artifacts.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import type { BatchReader, InputBatch, InputSource } from './input-batches.ts';
import { joinPass, type ReadBatch } from './shared-passes.ts';

/** Reads the rows of a features artifact out of its row space. Holds two batches at a time. */
export class FeatureSource implements InputSource {
  readonly shape: Shape;
  readonly #id: Digest;
  readonly #space: RowSpace;
  readonly #table: RowTable;
  readonly #port: string;
  readonly #store: FeaturesArtifact['store'];

  constructor(
    space: RowSpace,
    table: RowTable,
    features: Pick<FeaturesArtifact, 'shape' | 'store' | 'space'>,
    port: string,
  ) {
    this.#id = features.space;
    this.shape = features.shape;
    this.#space = space;
    this.#table = table;
    this.#port = port;
    this.#store = features.store;
  }

  open(order: Uint32Array, batch: number, _epoch?: number, sharing = false): BatchReader {
    const width = sizeOf(this.shape);
    const pass = joinPass(this.#passKey(order, batch));
    const idle: Float32Array<ArrayBuffer>[] = [];
    const lent = new Map<Float32Array<ArrayBuffer>, SharedInput>();
    let at = 0;
    const fetchNext = async (): Promise<Result<InputBatch | undefined, StageFailure>> => {
      const rows = order.subarray(at, at + batch);
      if (rows.length === 0) return ok(undefined);
      at += rows.length;
      const read: ReadBatch = (into) => this.#read(rows, into);
      const shared = sharing ? await pass.share(batch * width, read) : undefined;
      if (shared && !shared.ok) return shared;
      this.#space.traffic.given += rows.length * this.#space.rowBytes;
      if (shared) {
        lent.set(shared.value.numbers, shared.value);
        return ok({ input: shared.value.numbers, rows, shared: shared.value });
      }
      const input = idle.pop() ?? new Float32Array(batch * width);
      const taken = await pass.take(input, read);
      return taken.ok ? ok({ input, rows }) : taken;
    };
    let pending = fetchNext();
    return {
      next: async () => {
        const current = await pending;
        // Issued before the caller turns to its engine, so that reading goes on meanwhile.
        if (current.ok) pending = fetchNext();
        return current;
      },
      recycle: (input) => {
        const shared = lent.get(input);
        lent.delete(input);
        if (shared) shared.release();
        else if (input.length === batch * width) idle.push(input);
      },
      close: async () => {
        await pending.finally(() => pass.leave());
        for (const shared of lent.values()) shared.release();
      },
    };
  }

  /** What decides the batches of a pass: the space, the images in their order, and the batch. */
  #passKey(order: Uint32Array, batch: number): string {
    const hash = createHash('sha256').update(this.#id);
    for (const row of order) hash.update(this.#table.key(row));
    return `${hash.digest('hex')} ${batch}`;
  }

  async #read(rows: Uint32Array, input: Float32Array<ArrayBuffer>): Promise<Result<void, StageFailure>> {
    const keys = Array.from(rows, (row) => this.#table.key(row));
    const length = rows.length * this.#space.rowBytes;
    this.#space.traffic.read += length;
    const half = this.#store === 'float16' ? new Uint8Array(length) : undefined;
    const { missing } = await this.#space.read(keys, half ?? new Uint8Array(input.buffer, input.byteOffset, length));
    if (missing.length > 0) {
      return err({
        reason: 'damaged-input',
        port: this.#port,
        detail: `${missing.length} of ${rows.length} feature rows are missing or damaged`,
      });
    }
    if (half) decodeFloat16(new Uint16Array(half.buffer), input);
    return ok(undefined);
  }
}

/** Opens the features at a port, with the table that they belong to. */
export async function openFeatures(
  port: string,
  context: Pick<RunContext, 'input' | 'rowStore' | 'rowTable'>,
): Promise<
  Result<{ readonly source: FeatureSource; readonly table: RowTable; readonly space: RowSpace }, StageFailure>
> {
  const features = context.input(port, 'features');
  const table = await context.rowTable(features.rows);
  const space = await context.rowStore.find(features.space);
  if (!space) return err({ reason: 'damaged-input', port, detail: 'the row space of the features is gone' });
  return ok({ source: new FeatureSource(space, table, features, port), table, space });
}

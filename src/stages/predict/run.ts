import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { ok } from '../../base/result.ts';
import type { RowTable } from '../../data/row-table.ts';
import { AtomicFile } from '../../files/atomic-file.ts';
import { csvCell, shortestFloat32 } from '../../files/csv-cell.ts';
import { npyHeader } from '../../files/npy.ts';
import { predictedClass } from '../../metrics/scored-batch.ts';
import { chosenRows } from '../inputs/chosen-rows.ts';
import { openScorer } from '../scorer.ts';
import type { RunContext, StageBody } from '../stage-kind.ts';
import type { PredictParams } from './index.ts';

export const body: StageBody<PredictParams> = {
  async run(params, context) {
    const opened = await openScorer(context);
    if (!opened.ok) return opened;
    const scorer = opened.value;
    try {
      const files = new PredictionFiles(context.checkpoints, scorer.table, params.probabilities);
      const scored = await files.write((take) => scorer.score(chosenRows(scorer.table, params.on), take));
      if (!scored.ok) return scored;
      const { rows, csv, probabilities } = await files.store(context);
      const outputs = [{ name: 'predictions.csv', blob: csv }];
      const { classes } = scorer.table;
      return ok({
        artifacts: { predictions: { type: 'predictions', classes, rows, probabilities, outputs } },
        producer: scorer.producer,
      });
    } finally {
      await scorer.close();
    }
  },
};

type Take = (rows: Uint32Array, probabilities: Float32Array) => void;

/** The CSV and the probabilities, written row by row as they come. */
class PredictionFiles {
  readonly #folder: string;
  readonly #table: RowTable;
  readonly #withProbabilities: boolean;
  readonly #rows: number[] = [];

  constructor(folder: string, table: RowTable, withProbabilities: boolean) {
    this.#folder = folder;
    this.#table = table;
    this.#withProbabilities = withProbabilities;
  }

  /** Lets `score` fill the files; they are kept only if it is well. */
  async write<T extends { readonly ok: boolean }>(score: (take: Take) => Promise<T>): Promise<T> {
    const csv = new AtomicFile(this.#csvPath, { flush: false });
    const numbers = new AtomicFile(this.#numbersPath, { flush: false });
    try {
      csv.write(Buffer.from(`${this.#heading()}\n`));
      const scored = await score((rows, probabilities) => {
        csv.write(Buffer.from(this.#lines(rows, probabilities)));
        numbers.write(new Uint8Array(probabilities.buffer, probabilities.byteOffset, probabilities.byteLength));
        this.#rows.push(...rows);
      });
      if (scored.ok) for (const file of [csv, numbers]) file.commit();
      return scored;
    } finally {
      csv.discard();
      numbers.discard();
    }
  }

  /** Stores what was written. Rows whose images could not be read are not among them. */
  async store({ blobs }: Pick<RunContext, 'blobs'>): Promise<{
    readonly rows: Digest;
    readonly csv: Digest;
    readonly probabilities: Digest;
  }> {
    const npy = join(this.#folder, 'probabilities.npy');
    withHeader(npy, npyHeader([this.#rows.length, this.#table.classes.length], 'float32'), this.#numbersPath);
    return {
      rows: await blobs.put(this.#table.select(this.#rows).encode()),
      csv: await blobs.putFile(this.#csvPath),
      probabilities: await blobs.putFile(npy),
    };
  }

  get #csvPath(): string {
    return join(this.#folder, 'predictions.csv');
  }

  get #numbersPath(): string {
    return join(this.#folder, 'probabilities.bin');
  }

  #heading(): string {
    const columns = this.#withProbabilities ? this.#table.classes.map((name) => csvCell(`p:${name}`)) : [];
    return ['filename', 'label', ...columns].join(',');
  }

  #lines(rows: Uint32Array, probabilities: Float32Array): string {
    const { classes } = this.#table;
    const batch = { probabilities, labels: new Int32Array(0), rows: rows.length, classes: classes.length };
    return Array.from(rows, (row, i) => {
      const own = probabilities.subarray(i * classes.length, (i + 1) * classes.length);
      const columns = this.#withProbabilities ? Array.from(own, shortestFloat32) : [];
      return `${[csvCell(this.#table.name(row)), csvCell(classes[predictedClass(batch, i)] ?? ''), ...columns].join(',')}\n`;
    }).join('');
  }
}

/** Copies `source` to `path` behind a header that was not known before. */
function withHeader(path: string, header: Uint8Array, source: string): void {
  const file = new AtomicFile(path, { flush: false });
  const input = openSync(source, 'r');
  try {
    file.write(header);
    const chunk = Buffer.allocUnsafe(1 << 20);
    for (let read = readSync(input, chunk); read > 0; read = readSync(input, chunk))
      file.write(chunk.subarray(0, read));
    file.commit();
  } finally {
    closeSync(input);
    file.discard();
  }
}

/** Images as the input of a training or a forward pass: decoded and prepared on the way, never all at once. */
import { type Diagnostic, warning } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { ImageSource } from '../../data/image-source.ts';
import { type PreparedBatch, prepareBatches } from '../../data/prepare-batches.ts';
import type { RowTable } from '../../data/row-table.ts';
import { channelCount, type SettledPixels } from '../../images/pixel-spec.ts';
import type { Shape } from '../../networks/network.ts';
import type { StageFailure } from '../stage-kind.ts';
import type { BatchReader, InputBatch, InputSource } from './input-batches.ts';

export interface ImageInputsOptions {
  readonly table: RowTable;
  readonly spec: SettledPixels;
  readonly images: ImageSource;
  readonly skips: SkippedImages;
  /** Of a training, which augments its images where the spec says so. */
  readonly seed?: number;
}

/** The shape of one prepared image. */
export function imageShape(spec: Pick<SettledPixels, 'height' | 'width' | 'channels'>): Shape {
  return [spec.height, spec.width, channelCount(spec.channels)];
}

export class ImageInputs implements InputSource {
  readonly shape: Shape;
  readonly #options: ImageInputsOptions;

  constructor(options: ImageInputsOptions) {
    this.shape = imageShape(options.spec);
    this.#options = options;
  }

  open(order: Uint32Array, batch: number, epoch?: number): BatchReader {
    const { table, spec, images, skips, seed } = this.#options;
    const controller = new AbortController();
    const { signal } = controller;
    const draws = seed === undefined || epoch === undefined ? undefined : { seed, epoch };
    if (spec.augment && epoch !== undefined && !draws) throw new Error('a training without a seed cannot augment');
    const idle: Float32Array<ArrayBuffer>[] = [];
    const batches = prepareBatches({ table, order, batch, spec, source: images, signal, draws, idle });
    return {
      async next() {
        const made = await batches.next();
        return made.done ? ok(undefined) : received(made.value, skips);
      },
      recycle: (input) => {
        idle.push(input);
      },
      async close() {
        controller.abort();
        await batches.return(undefined);
      },
    };
  }
}

function received(made: Result<PreparedBatch, Diagnostic>, skips: SkippedImages): Result<InputBatch, StageFailure> {
  if (!made.ok) return err({ reason: 'diagnostics', diagnostics: [made.error] });
  const { input, rows, skipped } = made.value;
  for (const { row, diagnostic } of skipped) skips.add(row, diagnostic);
  return ok({ input, rows: Uint32Array.from(rows) });
}

/** Skipped images that are named one by one; the others are counted. */
const NAMED = 20;

/** Images that `onBadImage: skip` left out, each told once. */
export class SkippedImages {
  readonly #rows = new Set<number>();
  readonly #warn: (diagnostic: Diagnostic) => void;
  readonly #tell: ((row: number, diagnostic: Diagnostic) => void) | undefined;

  /** @param tell where given, told every one of them in place of `warn` */
  constructor(warn: (diagnostic: Diagnostic) => void, tell?: (row: number, diagnostic: Diagnostic) => void) {
    this.#warn = warn;
    this.#tell = tell;
  }

  add(row: number, diagnostic: Diagnostic): void {
    if (this.#rows.has(row)) return;
    this.#rows.add(row);
    if (this.#tell) this.#tell(row, diagnostic);
    else if (this.#rows.size <= NAMED) this.#warn({ ...diagnostic, severity: 'warning' });
  }

  has(row: number): boolean {
    return this.#rows.has(row);
  }

  /** Tells how many were left out, where they were not all named. */
  finish(total: number): void {
    if (this.#tell || this.#rows.size <= NAMED) return;
    this.#warn(
      warning('S040', `${this.#rows.size} of ${total} images could not be read and were left out`, {
        help: 'the first ones are named above; `pipe check` lists all',
      }),
    );
  }
}

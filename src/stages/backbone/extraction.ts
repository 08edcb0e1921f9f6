/** A pretrained network run over images, its output kept row by row. */
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RowSpace } from '../../cache/row-store.ts';
import { settle } from '../../data/prepare-batches.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { ForwardProgram, ForwardSession, Precision, Producer } from '../../engines/engine.ts';
import { EngineFault } from '../../engines/engine-fault.ts';
import { encodeFloat16 } from '../../files/float16.ts';
import type { SettledPixels } from '../../images/prepare.ts';
import { type Shape, sizeOf } from '../../networks/network.ts';
import { type BackbonePlan, loadBackbone, planBackbone } from '../../weights/backbone.ts';
import type { ResolvedBackbone } from '../../weights/resolve-backbone.ts';
import type { ImagesArtifact } from '../artifacts.ts';
import { type FeatureSpace, featureSpace } from '../feature-space.ts';
import { distinctRows } from '../inputs/distinct-rows.ts';
import { ImageInputs, imageShape, SkippedImages } from '../inputs/image-inputs.ts';
import { forwardBatch } from '../scorer.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';

/** All that decides the rows of an extraction, settled without reading weights. */
export interface PlannedExtraction {
  readonly backbone: ResolvedBackbone;
  readonly pixels: SettledPixels;
  readonly space: FeatureSpace;
  readonly plan: BackbonePlan;
  readonly store: 'float32' | 'float16';
}

export interface ExtractionSettings {
  readonly backbone: ResolvedBackbone;
  readonly precision: Precision;
  readonly store: 'float32' | 'float16';
  /** Only under `--strict-engine`. */
  readonly producer: Producer | undefined;
}

/** Shapes, pixel values and row space of an extraction from images. */
export async function planExtraction(
  { backbone, precision, store, producer }: ExtractionSettings,
  images: Pick<ImagesArtifact, 'pixels'>,
): Promise<Result<PlannedExtraction, Diagnostic>> {
  const plan = await planBackbone(backbone, imageShape(images.pixels));
  if (!plan.ok) return plan;
  const values = plan.value.pixels;
  if (images.pixels.normalize === 'backbone' && !values) {
    return err(
      problem('S041', 'the model file does not say how it wants its pixels', {
        help: 'give the preprocess stage `normalize: tf`, `torch`, `caffe`, `unit` or { mean, std }',
      }),
    );
  }
  const pixels = settle(images.pixels, values ?? { scale: 1, mean: [], std: [], reverse: false });
  const space = featureSpace({ pixels, backbone: backbone.identity, precision, store, producer });
  return ok({ backbone, pixels, space, plan: plan.value, store });
}

/** The program of a backbone with its numbers, fetched where they are not here yet. */
export async function fetchBackbone(
  backbone: ResolvedBackbone,
  image: Shape,
  { home, offline, signal, progress }: Pick<RunContext, 'home' | 'offline' | 'signal' | 'progress'>,
): Promise<Result<ForwardProgram, StageFailure>> {
  const program = await loadBackbone(backbone, image, {
    home,
    offline,
    signal,
    environment: process.env,
    progress: (done, total) => progress(done, total ?? done, 'fetching weights'),
  });
  return program.ok ? program : err({ reason: 'diagnostics', diagnostics: [program.error] });
}

/** What an extraction needs of a run. */
export type ExtractionContext = Pick<
  RunContext,
  'engine' | 'rowStore' | 'claims' | 'images' | 'home' | 'offline' | 'force' | 'signal' | 'progress' | 'warn'
>;

/** A session that runs a backbone on batches of `forwardBatch` images. */
export async function openForwardBackbone(
  { backbone, pixels }: Pick<PlannedExtraction, 'backbone' | 'pixels'>,
  context: ExtractionContext,
): Promise<Result<{ readonly session: ForwardSession; readonly producer: Producer }, StageFailure>> {
  const image = imageShape(pixels);
  const program = await fetchBackbone(backbone, image, context);
  if (!program.ok) return program;
  const engine = await context.engine();
  if (!engine.ok) return err({ reason: 'diagnostics', diagnostics: [engine.error] });
  const session = await engine.value.openForward(program.value, forwardBatch(image));
  if (!session.ok) return err({ reason: 'diagnostics', diagnostics: [session.error] });
  return ok({ session: session.value, producer: session.value.producer ?? engine.value.producer });
}

export interface Extracted {
  readonly shape: Shape;
  readonly computed: number;
  /** Rows of the table whose images could be read. */
  readonly kept: Uint32Array;
  readonly producer?: Producer;
}

/** Makes every image of a table present in its row space. */
export class Extraction {
  readonly #planned: PlannedExtraction;
  readonly #table: RowTable;
  readonly #context: ExtractionContext;
  readonly #skips: SkippedImages;

  constructor(
    planned: PlannedExtraction,
    table: RowTable,
    context: ExtractionContext,
    skips = new SkippedImages(context.warn),
  ) {
    this.#planned = planned;
    this.#table = table;
    this.#context = context;
    this.#skips = skips;
  }

  async run(): Promise<Result<Extracted, StageFailure>> {
    const wanted = distinctRows(this.#table);
    const present = await this.#present(wanted);
    if (present) return ok(present);
    // Two processes never extract the same rows: the second one waits, then computes what is still missing.
    const claim = await this.#context.claims.take(`rows-${this.#planned.space.id}`, {
      done: () => false,
      onWait: (owner) =>
        this.#context.progress(0, wanted.length, `waiting for ${owner}, which extracts the same features`),
      signal: this.#context.signal,
    });
    try {
      if (this.#context.signal.aborted) return err({ reason: 'interrupted' });
      const meanwhile = await this.#present(wanted);
      return meanwhile ? ok(meanwhile) : await this.#extract(wanted);
    } finally {
      claim?.release();
    }
  }

  /** The outcome where every row is there already: neither backbone nor engine is loaded. */
  async #present(wanted: Uint32Array): Promise<Extracted | undefined> {
    const { plan, space } = this.#planned;
    if (this.#context.force || !plan.outputShape) return undefined;
    const rows = await this.#context.rowStore.find(space.id);
    const whole = rows && missingRows(rows, this.#table, wanted).length === 0;
    await rows?.close();
    return whole ? { shape: plan.outputShape, computed: 0, kept: allRows(this.#table) } : undefined;
  }

  async #extract(wanted: Uint32Array): Promise<Result<Extracted, StageFailure>> {
    const opened = await openForwardBackbone(this.#planned, this.#context);
    if (!opened.ok) return opened;
    const { session, producer } = opened.value;
    const shape = session.outputShape;
    const { space, store } = this.#planned;
    const rowBytes = sizeOf(shape) * (store === 'float16' ? 2 : 4);
    const rows = await this.#context.rowStore.open(space.id, space.definition, rowBytes);
    try {
      const missing = this.#context.force ? wanted : missingRows(rows, this.#table, wanted);
      const done = await this.#compute(missing, session, rows);
      if (!done.ok) return done;
      this.#skips.finish(this.#table.count);
      const kept = allRows(this.#table).filter((row) => rows.has(this.#table.key(row)));
      return ok({ shape, computed: done.value, kept, producer });
    } finally {
      await rows.close();
      await session.close();
    }
  }

  /** Decoding, computing and writing overlap: a batch is decoded ahead, and the last one is written behind. Resolves to the rows computed. */
  async #compute(
    missing: Uint32Array,
    session: ForwardSession,
    space: RowSpace,
  ): Promise<Result<number, StageFailure>> {
    const inputs = new ImageInputs({
      table: this.#table,
      spec: this.#planned.pixels,
      images: this.#context.images('data'),
      skips: this.#skips,
    });
    const reader = inputs.open(missing, forwardBatch(inputs.shape));
    let computed = 0;
    let writing: Promise<void> = Promise.resolve();
    try {
      for (;;) {
        const batch = await reader.next();
        if (!batch.ok) return batch;
        if (!batch.value) break;
        if (this.#context.signal.aborted) return err({ reason: 'interrupted' });
        const { input, rows } = batch.value;
        if (rows.length === 0) continue;
        const features = await session.run(input, rows.length).catch((error: unknown) => {
          throw error instanceof EngineFault ? error.during(this.#named(rows)) : error;
        });
        await writing;
        writing = this.#store(rows, features, space);
        // Awaited before the next one is written; until then a refusal of the disk must not count as unhandled.
        writing.catch(() => {});
        computed += rows.length;
        this.#context.progress(computed, missing.length);
      }
      await writing;
      return ok(computed);
    } finally {
      await reader.close();
      await writing.catch(() => {});
    }
  }

  /** A batch by its first and last image. */
  #named(rows: Uint32Array): string {
    const [first = 0, last = 0] = [rows[0], rows[rows.length - 1]];
    const name = JSON.stringify(this.#table.name(first));
    return rows.length === 1 ? name : `${name} to ${JSON.stringify(this.#table.name(last))}`;
  }

  #store(rows: Uint32Array, features: Float32Array, space: RowSpace): Promise<void> {
    const keys = Array.from(rows, (row) => this.#table.key(row));
    const stored = this.#planned.store === 'float16' ? encodeFloat16(features) : features;
    return space.append(keys, new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
  }
}

/** The rows among `rows` that a space does not hold. */
export function missingRows(space: RowSpace, table: RowTable, rows: Uint32Array): Uint32Array {
  return rows.filter((row) => !space.has(table.key(row)));
}

function allRows(table: RowTable): Uint32Array {
  return Uint32Array.from({ length: table.count }, (_, row) => row);
}

/** A pretrained network run over images, its output kept row by row. */
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import type { Digest } from '../../base/digest.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RowSpace } from '../../cache/row-store.ts';
import { settle } from '../../data/prepare-batches.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { Arithmetic, ForwardProgram, ForwardSession, Precision, Producer } from '../../engines/engine.ts';
import { EngineFault } from '../../engines/engine-fault.ts';
import { encodeFloat16 } from '../../files/float16.ts';
import type { SettledPixels } from '../../images/pixel-spec.ts';
import { type Shape, sizeOf } from '../../networks/network.ts';
import { type BackbonePlan, loadBackbone, planBackbone } from '../../weights/backbone.ts';
import type { ResolvedBackbone } from '../../weights/resolve-backbone.ts';
import type { ImagesArtifact } from '../artifacts.ts';
import { type FeatureSpace, featureSpace } from '../feature-space.ts';
import { distinctRows } from '../inputs/distinct-rows.ts';
import { ImageInputs, type ImageInputsOptions, imageShape, SkippedImages } from '../inputs/image-inputs.ts';
import { forwardBatch } from '../scorer.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import {
  type Calibration,
  type CalibrationSample,
  calibrate,
  calibrationSpace,
  keepCalibration,
  knownCalibration,
} from './calibration.ts';
import { QUANTIZER_VERSION } from './quantizer.ts';

/** All that decides the rows of an extraction, settled without reading weights. */
export interface PlannedExtraction {
  readonly backbone: ResolvedBackbone;
  readonly pixels: SettledPixels;
  readonly space: FeatureSpace;
  readonly plan: BackbonePlan;
  readonly precision: Precision;
  readonly store: 'float32' | 'float16';
  /** Of int8 features. */
  readonly quantized?: PlannedQuantization | undefined;
}

/** The images that a quantised network is calibrated with, and what is known of it already. */
export interface PlannedQuantization {
  readonly images: Digest;
  /** Rows of the table; without them the calibration is known. */
  readonly sample?: CalibrationSample;
  readonly calibration?: Calibration;
}

export interface ExtractionSettings {
  readonly backbone: ResolvedBackbone;
  readonly precision: Precision;
  /** Where the precision is int8. */
  readonly quantized?: PlannedQuantization | undefined;
  readonly store: 'float32' | 'float16';
  /** Only under `--strict-engine`. */
  readonly producer: Producer | undefined;
}

/** Shapes, pixel values and row space of an extraction from images. */
export async function planExtraction(
  { backbone, precision, quantized, store, producer }: ExtractionSettings,
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
  const identity = quantized && { version: QUANTIZER_VERSION, images: quantized.images };
  const space = featureSpace({ pixels, backbone: backbone.identity, precision, quantized: identity, store, producer });
  return ok({ backbone, pixels, space, plan: plan.value, precision, store, quantized });
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

export interface Extracted {
  readonly shape: Shape;
  readonly computed: number;
  /** Rows of the table whose images could be read. */
  readonly kept: Uint32Array;
  /** Of int8 features. */
  readonly calibration?: Calibration | undefined;
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
    if (!whole) return undefined;
    const calibration = await this.#knownCalibration();
    if (this.#planned.quantized && !calibration) return undefined;
    return { shape: plan.outputShape, computed: 0, kept: allRows(this.#table), calibration };
  }

  async #extract(wanted: Uint32Array): Promise<Result<Extracted, StageFailure>> {
    const { backbone, pixels } = this.#planned;
    const program = await fetchBackbone(backbone, imageShape(pixels), this.#context);
    if (!program.ok) return program;
    const calibrated = await this.#calibrated(program.value);
    if (!calibrated.ok) return calibrated;
    const calibration = calibrated.value;
    const arithmetic = this.#arithmetic(calibration);
    const opened = await this.#open({ ...program.value, ...(arithmetic && { arithmetic }) });
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
      return ok({ shape, computed: done.value, kept, calibration, producer });
    } finally {
      await rows.close();
      await session.close();
    }
  }

  /** A session on batches of `forwardBatch` images. */
  async #open(
    program: ForwardProgram,
  ): Promise<Result<{ readonly session: ForwardSession; readonly producer: Producer }, StageFailure>> {
    const engine = await this.#context.engine();
    if (!engine.ok) return err({ reason: 'diagnostics', diagnostics: [engine.error] });
    const session = await engine.value.openForward(program, forwardBatch(imageShape(this.#planned.pixels)));
    if (!session.ok) return err({ reason: 'diagnostics', diagnostics: [session.error] });
    return ok({ session: session.value, producer: session.value.producer ?? engine.value.producer });
  }

  #arithmetic(calibration: Calibration | undefined): Arithmetic | undefined {
    if (calibration) return { kind: 'int8', ranges: calibration.ranges };
    return this.#planned.precision === 'float16' ? { kind: 'float16' } : undefined;
  }

  async #knownCalibration(): Promise<Calibration | undefined> {
    const { quantized, pixels, backbone } = this.#planned;
    if (!quantized || quantized.calibration) return quantized?.calibration;
    return knownCalibration(calibrationSpace(pixels, backbone.identity), quantized.images, this.#context.rowStore);
  }

  /** The calibration of an int8 network, found out where it is not known; undefined for another network. */
  async #calibrated(program: ForwardProgram): Promise<Result<Calibration | undefined, StageFailure>> {
    const { quantized, pixels, backbone } = this.#planned;
    const known = await this.#knownCalibration();
    if (!quantized?.sample || (known && !this.#context.force)) return ok(known);
    const opened = await this.#open({ ...program, arithmetic: { kind: 'calibration' } });
    if (!opened.ok) return opened;
    try {
      const found = await calibrate(quantized.sample, opened.value.session, this.#images(), this.#context);
      if (found.ok)
        await keepCalibration(calibrationSpace(pixels, backbone.identity), found.value, this.#context.rowStore);
      return found;
    } finally {
      await opened.value.session.close();
    }
  }

  #images(): ImageInputsOptions {
    return {
      table: this.#table,
      spec: this.#planned.pixels,
      images: this.#context.images('data'),
      skips: this.#skips,
    };
  }

  /** Decoding, computing and writing overlap: a batch is decoded ahead, and the last one is written behind. Resolves to the rows computed. */
  async #compute(
    missing: Uint32Array,
    session: ForwardSession,
    space: RowSpace,
  ): Promise<Result<number, StageFailure>> {
    const inputs = new ImageInputs(this.#images());
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
        const features = await session
          .run(input, rows.length, (used) => reader.recycle(used))
          .catch((error: unknown) => {
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

/** A trained model's answers for images on disk: the same pixels, backbone and head as in the pipeline. */
import { resolve } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RowTable } from '../../data/row-table.ts';
import { EnginePool } from '../../scheduler/engine-pool.ts';
import { Extraction, type ExtractionContext, planExtraction } from '../../stages/backbone/extraction.ts';
import { sightOf } from '../../stages/backbone/model-backbone.ts';
import { FeatureSource } from '../../stages/inputs/feature-source.ts';
import { ImageInputs, SkippedImages } from '../../stages/inputs/image-inputs.ts';
import type { InputSource } from '../../stages/inputs/input-batches.ts';
import { forwardBatch, openModel, scoreRows } from '../../stages/scorer.ts';
import type { RunContext, StageFailure } from '../../stages/stage-kind.ts';
import type { RunOptions } from '../run-pipeline.ts';
import { type AskedImages, askedImages } from './asked-images.ts';
import { findModel, type TrainedModel } from './find-model.ts';

export interface PredictOptions extends Omit<RunOptions, 'emit'> {
  /** Which stage's model, where a file has several. */
  readonly stage?: string | undefined;
  /** Folder of the images that a CSV names. */
  readonly images?: string | undefined;
  /** Lines of stdin, for the path `-`. */
  readonly list?: () => Promise<string>;
  readonly progress?: RunContext['progress'];
}

export interface Prediction {
  readonly name: string;
  /** Of each class, adding up to 1. */
  readonly probabilities: Float32Array;
}

export interface Predicted {
  /** The model as it was found. */
  readonly model: string;
  /** Images with an answer. */
  readonly answered: number;
  /** Images without one: not there, or not to be read. */
  readonly skipped: readonly Skipped[];
}

export interface Skipped {
  readonly name: string;
  readonly diagnostic: Diagnostic;
}

/** Told the classes once, then every prediction in the order asked for. */
export interface PredictionSink {
  begin(model: string, classes: readonly string[]): void;
  take(prediction: Prediction): void;
}

/** Asks a model about images. Those that cannot be read are left out and told at the end. */
export async function predictImages(
  address: string,
  paths: readonly string[],
  options: PredictOptions,
  sink: PredictionSink,
): Promise<Result<Predicted, readonly Diagnostic[] | 'interrupted'>> {
  const found = await findModel(address, { ...options, warn: options.warn ?? (() => undefined) });
  if (!found.ok) return found;
  const opened = found.value;
  if (opened.type === 'exported') throw new Error('not yet');
  const asked = await askedImages(
    {
      paths,
      list: options.list ?? (() => Promise.resolve('')),
      images: options.images,
      workingFolder: resolve(options.workingFolder ?? process.cwd()),
    },
    opened.model.classes,
  );
  const engines = new EnginePool({ engine: options.engine ?? 'auto', device: options.device ?? 'cpu' }, (diagnostic) =>
    options.warn?.(diagnostic),
  );
  sink.begin(opened.name, asked.table.classes);
  try {
    const unread: Skipped[] = [];
    const skips = new SkippedImages(
      () => undefined,
      (row, diagnostic) => unread.push({ name: asked.table.name(row), diagnostic }),
    );
    const context = contextOf(opened, asked, options, engines);
    const answered = await answer(opened, asked, skips, context, sink);
    if (!answered.ok) return failed(answered.error, opened.name);
    return ok({ model: opened.name, answered: answered.value, skipped: [...asked.problems, ...unread] });
  } finally {
    await engines.close();
  }
}

type Context = ExtractionContext & Pick<RunContext, 'blobs'>;

function contextOf(
  { workspace }: TrainedModel,
  { source }: AskedImages,
  options: PredictOptions,
  engines: EnginePool,
): Context {
  const { cache, project } = workspace;
  let taken: ReturnType<EnginePool['take']> | undefined;
  return {
    blobs: cache.blobs,
    rowStore: cache.rowStore,
    claims: cache.claims,
    images: () => source,
    engine() {
      taken ??= engines.take();
      return taken;
    },
    home: project.home,
    offline: options.offline ?? false,
    force: false,
    signal: options.signal ?? new AbortController().signal,
    progress: options.progress ?? (() => undefined),
    warn: (diagnostic) => options.warn?.(diagnostic),
  };
}

/** Resolves to the number of images with an answer. */
async function answer(
  found: TrainedModel,
  { table }: AskedImages,
  skips: SkippedImages,
  context: Context,
  sink: PredictionSink,
): Promise<Result<number, StageFailure>> {
  if (table.count === 0) return ok(0);
  const inputs = await openInputs(found, table, skips, context);
  if (!inputs.ok) return inputs;
  const { source, rows, close } = inputs.value;
  try {
    const batch = forwardBatch(source.shape);
    const model = await openModel(found.model, batch, context);
    if (!model.ok) return model;
    const { session } = model.value;
    const classes = table.classes.length;
    let answered = 0;
    const take = (taken: Uint32Array, probabilities: Float32Array) => {
      taken.forEach((row, i) => {
        sink.take({ name: table.name(row), probabilities: probabilities.subarray(i * classes, (i + 1) * classes) });
      });
      answered += taken.length;
    };
    const scored = await scoreRows({ source, session, batch, classes, order: rows, take, context });
    await session.close();
    return scored.ok ? ok(answered) : scored;
  } finally {
    await close();
  }
}

interface Inputs {
  readonly source: InputSource;
  /** Rows of the table that can be asked about. */
  readonly rows: Uint32Array;
  close(): Promise<void>;
}

/** What the model reads of the images: their pixels, or features, which are kept by row like those of a pipeline. */
async function openInputs(
  { model, workspace, folder }: TrainedModel,
  table: RowTable,
  skips: SkippedImages,
  context: Context,
): Promise<Result<Inputs, StageFailure>> {
  const sight = await sightOf(model, {
    digests: workspace.digests,
    home: context.home,
    resolvePath: (path) => resolve(folder, path),
  });
  if (!sight.ok) return diagnosed(sight.error);
  const { pixels, backbone } = sight.value;
  if (!backbone) {
    const source = new ImageInputs({ table, spec: pixels, images: context.images('data'), skips });
    const rows = Uint32Array.from({ length: table.count }, (_, row) => row);
    return ok({ source, rows, close: () => Promise.resolve() });
  }
  const settings = { backbone, precision: 'float32', producer: undefined } as const;
  const half = await planExtraction({ ...settings, store: 'float16' }, { pixels });
  const whole = await planExtraction({ ...settings, store: 'float32' }, { pixels });
  if (!half.ok) return diagnosed(half.error);
  if (!whole.ok) return diagnosed(whole.error);
  // The rows of the pipeline itself are used again, in the width in which it stored them.
  const known = await context.rowStore.find(half.value.space.id);
  await known?.close();
  const planned = known ? half.value : whole.value;
  const extracted = await new Extraction(planned, table, context, skips).run();
  if (!extracted.ok) return extracted;
  const { shape, kept } = extracted.value;
  const space = await context.rowStore.find(planned.space.id);
  if (!space) return err({ reason: 'damaged-input', port: 'data', detail: 'the rows just computed are gone' });
  const source = new FeatureSource(space, table, { shape, store: planned.store, space: planned.space.id }, 'data');
  return ok({ source, rows: kept, close: () => space.close() });
}

function diagnosed(diagnostic: Diagnostic): Result<never, StageFailure> {
  return err({ reason: 'diagnostics', diagnostics: [diagnostic] });
}

function failed(failure: StageFailure, model: string): Result<never, readonly Diagnostic[] | 'interrupted'> {
  if (failure.reason === 'interrupted') return err('interrupted');
  if (failure.reason === 'diagnostics') return err(failure.diagnostics);
  return err([
    problem('U011', `the model ${model} cannot be used: ${failure.detail}`, { help: 'run the pipeline again' }),
  ]);
}

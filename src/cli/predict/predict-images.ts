/** A trained model's answers for images on disk. */
import { resolve } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { sharedHome } from '../../files/project.ts';
import { EnginePool } from '../../scheduler/engine-pool.ts';
import { SkippedImages } from '../../stages/inputs/image-inputs.ts';
import { forwardBatch, scoreRows } from '../../stages/scorer.ts';
import type { RunContext, StageFailure } from '../../stages/stage-kind.ts';
import type { RunOptions } from '../run-pipeline.ts';
import type { Answering, Asking } from './answering.ts';
import { type AskedImages, askedImages } from './asked-images.ts';
import { exportedModel } from './exported-model.ts';
import { findModel } from './find-model.ts';
import { trainedModel } from './trained-model.ts';

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
  const found = await findModel(address, options);
  if (!found.ok) return found;
  const answering = found.value.type === 'trained' ? ok(trainedModel(found.value)) : exportedModel(found.value);
  if (!answering.ok) return err([answering.error]);
  const { name: model, classes } = answering.value;
  const asked = await askedImages(
    {
      paths,
      list: options.list ?? (() => Promise.resolve('')),
      images: options.images,
      workingFolder: resolve(options.workingFolder ?? process.cwd()),
    },
    classes,
  );
  const engines = new EnginePool({ engine: options.engine ?? 'auto', device: options.device ?? 'cpu' }, (diagnostic) =>
    options.warn?.(diagnostic),
  );
  sink.begin(model, classes);
  try {
    const unread: Skipped[] = [];
    const skips = new SkippedImages(
      () => undefined,
      (row, diagnostic) => unread.push({ name: asked.table.name(row), diagnostic }),
    );
    const answered = await answer(answering.value, asked, skips, askingOf(asked, options, engines), sink);
    if (!answered.ok) return failed(answered.error, model);
    return ok({ model, answered: answered.value, skipped: [...asked.problems, ...unread] });
  } finally {
    await engines.close();
  }
}

function askingOf({ source }: AskedImages, options: PredictOptions, engines: EnginePool): Asking {
  let taken: ReturnType<EnginePool['take']> | undefined;
  return {
    images: () => source,
    engine() {
      taken ??= engines.take();
      return taken;
    },
    home: sharedHome(options.environment ?? process.env),
    offline: options.offline ?? false,
    signal: options.signal ?? new AbortController().signal,
    progress: options.progress ?? (() => undefined),
    warn: (diagnostic) => options.warn?.(diagnostic),
  };
}

/** Resolves to the number of images with an answer. */
async function answer(
  answering: Answering,
  { table }: AskedImages,
  skips: SkippedImages,
  asking: Asking,
  sink: PredictionSink,
): Promise<Result<number, StageFailure>> {
  if (table.count === 0) return ok(0);
  const opened = await answering.open(table, skips, asking);
  if (!opened.ok) return opened;
  const { source, rows: order, session, close } = opened.value;
  try {
    const classes = answering.classes.length;
    let answered = 0;
    const take = (rows: Uint32Array, probabilities: Float32Array) => {
      rows.forEach((row, i) => {
        sink.take({ name: table.name(row), probabilities: probabilities.subarray(i * classes, (i + 1) * classes) });
      });
      answered += rows.length;
    };
    const batch = forwardBatch(source.shape);
    const scored = await scoreRows({ source, session, batch, classes, order, take, context: asking });
    return scored.ok ? ok(answered) : scored;
  } finally {
    await close();
  }
}

function failed(failure: StageFailure, model: string): Result<never, readonly Diagnostic[] | 'interrupted'> {
  if (failure.reason === 'interrupted') return err('interrupted');
  if (failure.reason === 'diagnostics') return err(failure.diagnostics);
  return err([
    problem('U011', `the model ${model} cannot be used: ${failure.detail}`, { help: 'run the pipeline again' }),
  ]);
}

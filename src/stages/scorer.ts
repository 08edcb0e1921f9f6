/** A model's probabilities for the rows of features or images. */
import type { Digest } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { RowTable } from '../data/row-table.ts';
import type { ForwardSession, Producer } from '../engines/engine.ts';
import { float32Of, readSafetensors } from '../files/safetensors.ts';
import type { SettledPixels } from '../images/pixel-spec.ts';
import { type Network, type Shape, sizeOf, type Weights } from '../networks/network.ts';
import type { ModelArtifact } from './artifacts.ts';
import type { InputSource } from './inputs/input-batches.ts';
import { openInputs } from './inputs/open-inputs.ts';
import { knownRows, openNeighbours } from './neighbours-session.ts';
import type { RunContext, StageFailure } from './stage-kind.ts';
import { modelMisfit } from './training/model-fit.ts';

export interface Scorer {
  readonly table: RowTable;
  readonly producer: Producer;
  /** Calls `take` with consecutive rows of `order` and their probabilities `[rows, classes]`; unreadable rows may be left out. */
  score(
    order: Uint32Array,
    take: (rows: Uint32Array, probabilities: Float32Array) => void,
  ): Promise<Result<void, StageFailure>>;
  close(): Promise<void>;
}

/** Opens the model at port `model` on the data at port `data`. */
export async function openScorer(context: RunContext): Promise<Result<Scorer, StageFailure>> {
  const model = context.input('model', 'model');
  const misfit = modelMisfit(model, context.anyInput('data'));
  if (misfit) return err({ reason: 'diagnostics', diagnostics: [misfit] });
  const opened = await openInputs('data', context, normalizationOf(model));
  if (!opened.ok) return opened;
  const { source, table, close } = opened.value;
  const batch = forwardBatch(source.shape);
  const forward = await openModel(model, batch, context);
  if (!forward.ok) {
    await close();
    return forward;
  }
  const { session, producer } = forward.value;
  return ok({
    table,
    producer,
    score: (order, take) => scoreRows({ source, session, batch, classes: table.classes.length, order, take, context }),
    async close() {
      await session.close();
      await close();
    },
  });
}

/** A session that gives the probabilities of a model's classes, of what the model reads. */
export async function openModel(
  model: ModelArtifact,
  batch: number,
  context: Pick<RunContext, 'blobs' | 'engine'>,
): Promise<Result<{ readonly session: ForwardSession; readonly producer: Producer }, StageFailure>> {
  const weights = await readModelWeights(model.weights, context);
  if (!weights)
    return err({ reason: 'damaged-input', port: 'model', detail: 'the weights of the model are missing or damaged' });
  const known = model.neighbours && knownRows(weights);
  if (model.neighbours && !known)
    return err({ reason: 'damaged-input', port: 'model', detail: 'the model lacks the rows that vote' });
  const engine = await context.engine();
  if (!engine.ok) return err({ reason: 'diagnostics', diagnostics: [engine.error] });
  if (model.neighbours && known) {
    const { neighbours: settings, network, classes } = model;
    const asked = { settings, network, weights, classes: classes.length };
    const session = await openNeighbours(asked, known, engine.value, batch);
    if (!session.ok) return err({ reason: 'diagnostics', diagnostics: [session.error] });
    return ok({ session: session.value, producer: session.value.producer ?? engine.value.producer });
  }
  const program = {
    kind: 'network',
    network: withSoftmax(model.network),
    weights,
    layer: PROBABILITIES,
    pooling: 'none',
  } as const;
  const session = await engine.value.openForward(program, batch);
  if (!session.ok) return err({ reason: 'diagnostics', diagnostics: [session.error] });
  return ok({ session: session.value, producer: session.value.producer ?? engine.value.producer });
}

export interface ScoringPass {
  readonly source: InputSource;
  readonly session: ForwardSession;
  readonly batch: number;
  readonly classes: number;
  readonly order: Uint32Array;
  readonly take: (rows: Uint32Array, probabilities: Float32Array) => void;
  readonly context: Pick<RunContext, 'progress' | 'signal'>;
}

/** Calls `take` with consecutive rows of `order` and their probabilities; unreadable rows may be left out. */
export async function scoreRows({
  source,
  session,
  batch,
  classes,
  order,
  take,
  context,
}: ScoringPass): Promise<Result<void, StageFailure>> {
  const reader = source.open(order, batch);
  let done = 0;
  try {
    for (;;) {
      const next = await reader.next();
      if (!next.ok) return next;
      if (!next.value) return ok(undefined);
      if (context.signal.aborted) return err({ reason: 'interrupted' });
      const { input, rows } = next.value;
      if (rows.length === 0) continue;
      const probabilities = await session.run(input, rows.length, (used) => reader.recycle(used));
      take(rows, probabilities.subarray(0, rows.length * classes));
      done += rows.length;
      context.progress(done, order.length);
    }
  } finally {
    await reader.close();
  }
}

/** What the model's own images were normalized by. */
function normalizationOf({ reads }: ModelArtifact): SettledPixels['normalize'] | undefined {
  return reads.type === 'images' && reads.pixels.normalize !== 'backbone' ? reads.pixels.normalize : undefined;
}

/** The weights of a trained model, or undefined where its blob is missing or damaged. */
export async function readModelWeights(blob: Digest, context: Pick<RunContext, 'blobs'>): Promise<Weights | undefined> {
  const bytes = await context.blobs.get(blob);
  const tensors = bytes && readSafetensors(bytes);
  if (!tensors?.ok) return undefined;
  return new Map([...tensors.value].map(([name, tensor]) => [name, { shape: tensor.shape, data: float32Of(tensor) }]));
}

/** Name of the softmax layer. */
export const PROBABILITIES = 'probabilities';

/** The network with the softmax over its logits, which is implied in a model. */
export function withSoftmax(network: Network): Network {
  return {
    ...network,
    layers: [...network.layers, { type: 'activation', name: PROBABILITIES, activation: 'softmax' }],
  };
}

/** Rows a forward pass takes at once: 128 rows of features, 8 images of 224×224. */
export function forwardBatch(shape: Shape): number {
  if (shape.length === 1) return 128;
  return Math.min(128, Math.max(1, Math.floor((8 * 224 * 224 * 3) / sizeOf(shape))));
}

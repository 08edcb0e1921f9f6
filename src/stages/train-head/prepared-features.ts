/** Features as a classifier gets them: standardized, flattened, reduced to principal components, as far as asked. */
import { err, ok, type Result } from '../../base/result.ts';
import type { ForwardSession } from '../../engines/engine.ts';
import { type Layer, type Network, type Shape, sizeOf, type Weights } from '../../networks/network.ts';
import type { BatchReader, InputSource } from '../inputs/input-batches.ts';
import { forwardBatch } from '../scorer.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import { STANDARDIZE, standardization, standardizeLayer } from '../training/standardization.ts';
import type { Components } from './classifier-settings.ts';
import { principalComponents } from './principal-components.ts';

export interface Preparation {
  /** One row of numbers a row. */
  readonly source: InputSource;
  /** What makes them of the stored features; empty where they are taken as they are. */
  readonly layers: readonly Layer[];
  readonly weights: Weights;
  close(): Promise<void>;
}

export interface PreparationSettings {
  readonly standardize: boolean;
  readonly pca: Components;
}

/** Fits the preparation to the rows of `order`. */
export async function prepareFeatures(
  features: InputSource,
  order: Uint32Array,
  { standardize, pca }: PreparationSettings,
  context: RunContext,
): Promise<Result<Preparation, StageFailure>> {
  const statistics = standardize ? await standardization(features, order) : ok(new Map());
  if (!statistics.ok) return statistics;
  const plain: readonly Layer[] = [
    ...(standardize ? [standardizeLayer] : []),
    ...(features.shape.length > 1 ? [{ type: 'flatten', name: 'flatten' } as const] : []),
  ];
  const standard = standardize ? new Map([...statistics.value, ...identityScale(features.shape)]) : new Map();
  const flat = await applied(features, plain, standard, context);
  if (!flat.ok || pca === 'none') return flat;
  const components = await principalComponents(flat.value.source, order, pca, context);
  await flat.value.close();
  if (!components.ok) return components;
  const { layer, weights } = components.value;
  return applied(features, [...plain, layer], new Map([...standard, ...weights]), context);
}

/** The scale and shift of a batch norm that does nothing besides. */
function identityScale(shape: Shape): Weights {
  const channels = shape.at(-1) ?? 1;
  return new Map([
    [`${STANDARDIZE}/gamma`, { shape: [channels], data: new Float32Array(channels).fill(1) }],
    [`${STANDARDIZE}/beta`, { shape: [channels], data: new Float32Array(channels) }],
  ]);
}

async function applied(
  source: InputSource,
  layers: readonly Layer[],
  weights: Weights,
  context: RunContext,
): Promise<Result<Preparation, StageFailure>> {
  const nothing = async () => {};
  const last = layers.at(-1);
  if (!last) return ok({ source, layers, weights, close: nothing });
  // To flatten moves no number.
  if (layers.every(({ type }) => type === 'flatten'))
    return ok({ source: reshaped(source), layers, weights, close: nothing });
  const engine = await context.engine();
  if (!engine.ok) return err({ reason: 'diagnostics', diagnostics: [engine.error] });
  const network: Network = { name: 'preparation', input: source.shape, layers };
  const batch = forwardBatch(source.shape);
  const session = await engine.value.openForward(
    { kind: 'network', network, weights, layer: last.name, pooling: 'none' },
    batch,
  );
  if (!session.ok) return err({ reason: 'diagnostics', diagnostics: [session.error] });
  return ok({
    source: new ForwardedInputs(source, session.value, batch),
    layers,
    weights,
    close: () => session.value.close(),
  });
}

function reshaped(source: InputSource): InputSource {
  return { shape: [sizeOf(source.shape)], open: (order, batch, epoch) => source.open(order, batch, epoch) };
}

/** What a network makes of the rows of another source. */
class ForwardedInputs implements InputSource {
  readonly shape: Shape;
  readonly #source: InputSource;
  readonly #session: ForwardSession;
  readonly #batch: number;

  constructor(source: InputSource, session: ForwardSession, batch: number) {
    this.shape = session.outputShape;
    this.#source = source;
    this.#session = session;
    this.#batch = batch;
  }

  open(order: Uint32Array, batch: number): BatchReader {
    const reader = this.#source.open(order, Math.min(batch, this.#batch));
    return {
      next: async () => {
        const next = await reader.next();
        if (!next.ok || !next.value) return next;
        const { input, rows } = next.value;
        const output = await this.#session.run(input, rows.length);
        reader.recycle(input);
        return ok({ input: output, rows });
      },
      recycle: () => {},
      close: () => reader.close(),
    };
  }
}

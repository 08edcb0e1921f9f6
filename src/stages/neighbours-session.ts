/** Asks a model of k nearest neighbours, behind the port of a network's forward pass. */
import type { Diagnostic } from '../base/diagnostic.ts';
import { ok, type Result } from '../base/result.ts';
import { type KnownRows, NearestNeighbours, type NeighboursSettings } from '../classifiers/nearest-neighbours.ts';
import type { Engine, ForwardSession } from '../engines/engine.ts';
import type { Network, Weights } from '../networks/network.ts';

/** Tensors of the model: `[rows × width]` and `[rows]`. */
export const KNOWN_ROWS = 'neighbours/rows';
export const KNOWN_LABELS = 'neighbours/labels';

/** Numbers of known rows that one product takes: 64 MB. */
const PANEL_NUMBERS = 16_777_216;

export interface NeighboursModel {
  readonly settings: NeighboursSettings;
  /** What is done with a row before it is compared. */
  readonly network: Network;
  readonly weights: Weights;
  readonly classes: number;
}

/** Whether the tensors of a model are those of neighbours. */
export function knownRows(weights: Weights): KnownRows | undefined {
  const rows = weights.get(KNOWN_ROWS);
  const labels = weights.get(KNOWN_LABELS);
  const width = rows?.shape[1];
  if (!rows || !labels || !width || rows.shape[0] !== labels.data.length) return undefined;
  return { numbers: rows.data, labels: Int32Array.from(labels.data), width };
}

/** `known` is what `knownRows` made of the weights. */
export async function openNeighbours(
  { settings, network, weights, classes }: NeighboursModel,
  known: KnownRows,
  engine: Engine,
  batch: number,
): Promise<Result<ForwardSession, Diagnostic>> {
  const opened: ForwardSession[] = [];
  const close = async () => {
    for (const session of opened) await session.close();
  };
  const last = network.layers.at(-1);
  if (last) {
    const program = { kind: 'network', network, weights, layer: last.name, pooling: 'none' } as const;
    const session = await engine.openForward(program, batch);
    if (!session.ok) return session;
    opened.push(session.value);
  }
  const preparation = opened[0];
  const count = known.labels.length;
  const size = Math.max(1, Math.floor(PANEL_NUMBERS / known.width));
  const panels: { readonly first: number; readonly count: number; readonly session: ForwardSession }[] = [];
  for (let first = 0; first < count; first += size) {
    const rows = Math.min(size, count - first);
    const session = await openPanel(known, first, rows, engine, batch);
    if (!session.ok) {
      await close();
      return session;
    }
    opened.push(session.value);
    panels.push({ first, count: rows, session: session.value });
  }
  const neighbours = new NearestNeighbours(settings, known, classes);
  return ok({
    outputShape: [classes],
    async run(input, rows) {
      const queries = preparation ? await preparation.run(input, rows) : input;
      const products = new Float32Array(rows * count);
      for (const panel of panels) {
        const part = await panel.session.run(queries.slice(0, rows * known.width), rows);
        for (let row = 0; row < rows; row++)
          products.set(part.subarray(row * panel.count, (row + 1) * panel.count), row * count + panel.first);
      }
      const votes = new Float32Array(rows * classes);
      for (let row = 0; row < rows; row++)
        neighbours.vote(
          queries.subarray(row * known.width, (row + 1) * known.width),
          products.subarray(row * count, (row + 1) * count),
          votes.subarray(row * classes, (row + 1) * classes),
        );
      return votes;
    },
    close,
  });
}

/** Products with some of the known rows: a dense layer whose kernel they are. */
function openPanel(
  { numbers, width }: KnownRows,
  first: number,
  count: number,
  engine: Engine,
  batch: number,
): Promise<Result<ForwardSession, Diagnostic>> {
  const kernel = new Float32Array(width * count);
  for (let row = 0; row < count; row++)
    for (let j = 0; j < width; j++) kernel[j * count + row] = numbers[(first + row) * width + j] ?? 0;
  const name = 'products';
  return engine.openForward(
    {
      kind: 'network',
      network: {
        name,
        input: [width],
        layers: [{ type: 'dense', name, units: count, activation: 'linear', bias: false, init: 'zeros' }],
      },
      weights: new Map([[`${name}/kernel`, { shape: [width, count], data: kernel }]]),
      layer: name,
      pooling: 'none',
    },
    batch,
  );
}

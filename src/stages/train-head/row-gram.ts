/** The products of rows with each other: in float64 here where they are few, by the engine where they are many. */
import { err, ok, type Result } from '../../base/result.ts';
import { addRowProducts } from '../../classifiers/gram.ts';
import type { Engine } from '../../engines/engine.ts';
import { sizeOf } from '../../networks/network.ts';
import type { RunContext, StageFailure } from '../stage-kind.ts';
import { eachChunk, type OrderedRows } from './row-chunks.ts';

/** Multiplications beyond which the engine's float32 is worth its loading and rounding. */
const ENGINE_WORK = 1e9;
/** Rows that are held while the others pass by. */
const PANEL = { here: 256, engine: 512 };

/** Whether the products are made here, in float64. */
function isSmall(n: number, width: number): boolean {
  return (n * n * width) / 2 <= ENGINE_WORK;
}

/** What part of a row's product with itself is rounding. */
export function gramRounding(n: number, width: number): number {
  return isSmall(n, width) ? 1e-12 : 4e-6;
}

/** X·Xᵀ of the rows, `[n × n]`, the lower triangle. Rows are read anew for every panel. */
export async function gramOf(rows: OrderedRows, context: RunContext): Promise<Result<Float64Array, StageFailure>> {
  const n = rows.order.length;
  const gram = new Float64Array(n * n);
  const width = sizeOf(rows.source.shape);
  const engine = isSmall(n, width) ? undefined : await context.engine();
  if (engine && !engine.ok) return err({ reason: 'diagnostics', diagnostics: [engine.error] });
  const size = engine ? PANEL.engine : PANEL.here;
  for (let first = 0; first < n; first += size) {
    context.progress(first, n, 'products of rows');
    const count = Math.min(size, n - first);
    const added = engine
      ? await addPanelByEngine(gram, n, rows, first, count, engine.value, context)
      : await addPanel(gram, n, rows, first, count, context);
    if (!added.ok) return added;
  }
  return ok(gram);
}

async function addPanel(
  gram: Float64Array,
  n: number,
  rows: OrderedRows,
  first: number,
  count: number,
  context: RunContext,
): Promise<Result<void, StageFailure>> {
  const width = sizeOf(rows.source.shape);
  const panel = new Float64Array(count * width);
  const part = { ...rows, order: rows.order.subarray(first, first + count) };
  const read = await eachChunk(part, (chunk) => panel.set(chunk.numbers, chunk.first * width), context);
  if (!read.ok) return read;
  const against = { first, count, stride: width, width, numbers: panel };
  return eachChunk(rows, (chunk) => addRowProducts(gram, n, chunk, against), context, { from: first, most: 128 });
}

/** The panel's rows are the kernel of a dense layer that the other rows run through. */
async function addPanelByEngine(
  gram: Float64Array,
  n: number,
  rows: OrderedRows,
  first: number,
  count: number,
  engine: Engine,
  context: RunContext,
): Promise<Result<void, StageFailure>> {
  const width = sizeOf(rows.source.shape);
  const kernel = new Float32Array(width * count);
  const part = { ...rows, order: rows.order.subarray(first, first + count) };
  const read = await eachChunk(
    part,
    (chunk) => {
      for (let j = 0; j < width; j++)
        for (let row = 0; row < chunk.count; row++)
          kernel[j * count + chunk.first + row] = chunk.numbers[row * width + j] ?? 0;
    },
    context,
    { most: 64 },
  );
  if (!read.ok) return read;
  const session = await engine.openForward(
    {
      kind: 'network',
      network: {
        name: 'products',
        input: [width],
        layers: [{ type: 'dense', name: 'products', units: count, activation: 'linear', bias: false, init: 'zeros' }],
      },
      weights: new Map([['products/kernel', { shape: [width, count], data: kernel }]]),
      layer: 'products',
      pooling: 'none',
    },
    128,
  );
  if (!session.ok) return err({ reason: 'diagnostics', diagnostics: [session.error] });
  // The next rows are read while the engine is at work.
  let pending = Promise.resolve();
  const addProducts = async (at: number, chunkRows: number, numbers: Float32Array<ArrayBuffer>) => {
    const products = await session.value.run(numbers, chunkRows);
    for (let row = 0; row < chunkRows; row++) {
      const known = Math.min(count, at + row + 1 - first);
      for (let column = 0; column < known; column++)
        gram[(at + row) * n + first + column] = products[row * count + column] ?? 0;
    }
  };
  try {
    const passed = await eachChunk(
      rows,
      async (chunk) => {
        await pending;
        pending = addProducts(chunk.first, chunk.count, new Float32Array(chunk.numbers));
        // Its failure is heard where it is awaited.
        pending.catch(() => {});
      },
      context,
      { from: first, most: 128 },
    );
    await pending;
    return passed;
  } finally {
    await session.value.close();
  }
}

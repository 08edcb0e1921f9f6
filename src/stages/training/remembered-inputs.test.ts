/** Readers of inputs that are kept in memory, each at its own pace, some of them sharing batches. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ok } from '../../base/result.ts';
import type { BatchReader, InputBatch, InputSource } from '../inputs/input-batches.ts';
import { remembering } from './remembered-inputs.ts';

const WIDTH = 3;
const numbersOf = (row: number) => [row, row + 0.25, row + 0.5];

/** A source of `numbersOf`, which leaves out some rows and counts the batches that it is asked for. */
function source(absent: ReadonlySet<number>, asked: { batches: number }): InputSource {
  return {
    shape: [WIDTH],
    open(order, batch) {
      let at = 0;
      return {
        next: async () => {
          const rows = order.subarray(at, at + batch).filter((row) => !absent.has(row));
          if (at >= order.length) return ok(undefined);
          at += batch;
          asked.batches++;
          const input = new Float32Array(batch * WIDTH);
          input.set(Array.from(rows).flatMap(numbersOf));
          return ok({ input, rows });
        },
        recycle: () => {},
        close: async () => {},
      };
    },
  };
}

async function next(reader: BatchReader): Promise<InputBatch | undefined> {
  const batch = await reader.next();
  if (!batch.ok) throw new Error('the source does not fail');
  return batch.value;
}

async function readAll(reader: BatchReader | undefined): Promise<void> {
  while (reader && (await next(reader)));
  await reader?.close();
}

let keys = 0;

/** As many sources side by side that remember together. */
async function together<T>(
  count: number,
  one: InputSource,
  rows: number,
  use: (all: readonly InputSource[]) => Promise<T>,
): Promise<T> {
  const key = `test ${keys++}`;
  const more = (all: readonly InputSource[]): Promise<T> =>
    all.length === count
      ? use(all)
      : remembering(one, { table: 10, rows, bytes: 1 << 20, key }, (inputs) => more([...all, inputs]));
  return more([]);
}

/** The numbers of a batch's rows, wherever they lie. */
function numbersIn({ input, rows, places }: InputBatch): readonly number[] {
  return Array.from(rows).flatMap((_, i) => {
    const at = (places?.[i] ?? i) * WIDTH;
    return [...input.subarray(at, at + WIDTH)];
  });
}

it('gives every reader its batches, which nobody changes before it has given them back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
      fc.array(fc.record({ reader: fc.nat(3), gives: fc.boolean() }), { minLength: 60, maxLength: 160 }),
      fc.uniqueArray(fc.nat(9), { maxLength: 3 }),
      async (sharing, turns, absent) => {
        const asked = { batches: 0 };
        const one = source(new Set(absent), asked);
        const order = Uint32Array.from({ length: 10 }, (_, i) => (i * 7) % 10);
        await together(sharing.length, one, 10, async (all) => {
          await readAll(all[0]?.open(order, 4, 0));
          const readers = all.map((inputs, i) => ({
            reader: inputs.open(order, 4, 1, sharing[i]),
            held: [] as InputBatch[],
            seen: [] as number[],
            ended: false,
          }));
          const check = (batch: InputBatch) => expect(numbersIn(batch)).toEqual([...batch.rows].flatMap(numbersOf));
          for (const { reader: i, gives } of turns) {
            const mine = readers[i % readers.length];
            if (!mine || mine.ended) continue;
            const oldest = gives ? mine.held.shift() : undefined;
            if (oldest) {
              check(oldest);
              mine.reader.recycle(oldest.input);
              continue;
            }
            const batch = await next(mine.reader);
            if (batch) {
              mine.held.push(batch);
              mine.seen.push(...batch.rows);
            } else {
              mine.held.forEach(check);
              mine.ended = true;
              await mine.reader.close();
            }
          }
          const there = [...order].filter((row) => !absent.includes(row));
          for (const { seen, held, ended, reader } of readers) {
            expect(seen).toEqual(there.slice(0, seen.length));
            if (ended) expect(seen).toEqual(there);
            else {
              held.forEach(check);
              await reader.close();
            }
          }
          expect(asked.batches).toBe(3);
        });
      },
    ),
  );
});

it('gives those who share one input as a whole, once all of it is there, and gives it up with the last of them', async () => {
  const order = Uint32Array.from({ length: 8 }, (_, i) => 7 - i);
  let released = 0;
  await together(2, source(new Set([3]), { batches: 0 }), 8, async ([a, b]) => {
    await readAll(a?.open(order.subarray(0, 4), 4, 0, true));
    const early = a?.open(order.subarray(0, 4), 4, 1, true);
    expect(early && (await next(early))?.shared).toBeUndefined();
    await early?.close();
    await readAll(b?.open(order.subarray(4), 4, 0, true));
    const [one, other] = [a?.open(order, 4, 1, true), b?.open(order, 8, 1, true)];
    const [first, all] = [one && (await next(one)), other && (await next(other))];
    expect(all?.shared).toBeDefined();
    expect(first?.shared).toBe(all?.shared);
    expect(all && numbersIn(all)).toEqual([7, 6, 5, 4, 2, 1, 0].flatMap(numbersOf));
    all?.shared?.whenReleased(() => released++);
    const unshared = a?.open(order, 4, 1);
    expect(unshared && (await next(unshared))?.shared).toBeUndefined();
    for (const reader of [one, other, unshared]) await reader?.close();
    expect(released).toBe(0);
  });
  expect(released).toBe(1);
});

/** Readers of inputs that are kept in memory, each at its own pace, some of them sharing batches. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ok } from '../../base/result.ts';
import type { BatchReader, InputBatch, InputSource } from '../inputs/input-batches.ts';
import { remembered } from './remembered-inputs.ts';

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

let keys = 0;

it('gives every reader its batches, which nobody changes before it has given them back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
      fc.array(fc.record({ reader: fc.nat(3), gives: fc.boolean() }), { minLength: 60, maxLength: 160 }),
      fc.uniqueArray(fc.nat(9), { maxLength: 3 }),
      async (sharing, turns, absent) => {
        const asked = { batches: 0 };
        const one = source(new Set(absent), asked);
        const key = `test ${keys++}`;
        const order = Uint32Array.from({ length: 10 }, (_, i) => (i * 7) % 10);
        const all = sharing.map(() => remembered(one, { rows: 10, bytes: 1 << 20, key }));
        const first = all[0]?.open(order, 4, 0);
        for (let batch = first && (await next(first)); batch; batch = first && (await next(first)));
        await first?.close();
        const readers = all.map((inputs, i) => ({
          reader: inputs.open(order, 4, 1, sharing[i]),
          held: [] as InputBatch[],
          seen: [] as number[],
          ended: false,
        }));
        const check = ({ input, rows }: InputBatch) =>
          expect([...input.subarray(0, rows.length * WIDTH)]).toEqual([...rows].flatMap(numbersOf));
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
      },
    ),
  );
});

it('puts a batch together once for those who share it, and alone for a single reader', async () => {
  const one = source(new Set(), { batches: 0 });
  const order = Uint32Array.from({ length: 8 }, (_, i) => i);
  const inputs = [0, 1].map(() => remembered(one, { rows: 8, bytes: 1 << 20, key: 'shared' }));
  const [a, b] = inputs.map((each) => each.open(order, 4, 0));
  if (!a || !b) throw new Error('two readers');
  for (const reader of [a, b]) {
    while (await next(reader));
    await reader.close();
  }
  const alone = inputs[0]?.open(order, 4, 1, true);
  expect(alone && (await next(alone))?.shared).toBeUndefined();
  const other = inputs[1]?.open(order, 4, 1, true);
  const [second, same] = [alone && (await next(alone)), other && (await next(other))];
  expect(second?.shared).toBeDefined();
  expect(same?.shared).not.toBe(second?.shared);
  expect((other && (await next(other)))?.shared).toBe(second?.shared);
  await alone?.close();
  await other?.close();
});

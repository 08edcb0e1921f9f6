import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ok } from '../../base/result.ts';
import { joinPass } from './shared-passes.ts';

/** Yields to the others a given number of times. */
async function pause(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await Promise.resolve();
}

describe('a pass shared by several readers', () => {
  it('gives everybody every batch in order, whatever their pace, and reads each at most once for those who keep up', async () => {
    const paces = fc.array(fc.array(fc.nat({ max: 6 }), { minLength: 12, maxLength: 12 }), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(paces, async (readers) => {
        const reads: number[] = [];
        const joined = readers.map((pace) => ({ pace, pass: joinPass('test') }));
        const seen = await Promise.all(
          joined.map(async ({ pace, pass }) => {
            const got: number[] = [];
            for (const [number, turns] of pace.entries()) {
              const into = new Float32Array(1);
              await pass.take(into, async (buffer) => {
                reads.push(number);
                await pause(2);
                buffer[0] = number;
                return ok(undefined);
              });
              got.push(into[0] ?? Number.NaN);
              await pause(turns);
            }
            pass.leave();
            return got;
          }),
        );
        const all = Array.from({ length: 12 }, (_, i) => i);
        for (const got of seen) expect(got).toEqual(all);
        // All joined before the first batch: nobody falls behind what is kept.
        expect([...reads].sort((a, b) => a - b)).toEqual(all);
      }),
    );
  });

  it('shares the memory of a batch until the last reader has released it, then uses it again', async () => {
    const [one, other] = [joinPass('sharing'), joinPass('sharing')];
    const read = (number: number) => async (into: Float32Array) => {
      into[0] = number;
      return ok(undefined);
    };
    const memories = new Set<Float32Array>();
    for (let number = 0; number < 20; number++) {
      const shared = await Promise.all([one, other].map((pass) => pass.share(1, read(number))));
      const inputs = shared.map((taken) => (taken?.ok ? taken.value : undefined));
      expect(inputs[0]).toBeDefined();
      expect(inputs[0]).toBe(inputs[1]);
      expect(inputs[0]?.numbers).toEqual(Float32Array.of(number));
      for (const input of inputs) input?.release();
      if (inputs[0]) memories.add(inputs[0].numbers);
    }
    expect(memories.size).toBeLessThan(4);
    other.leave();
    // Nobody is left to share with.
    expect(await one.share(1, read(20))).toBeUndefined();
    const own = new Float32Array(1);
    await one.take(own, read(20));
    expect(own[0]).toBe(20);
    one.leave();
  });

  it('goes on when a reader leaves or fails', async () => {
    const [one, other] = [joinPass('leaving'), joinPass('leaving')];
    const read = async (into: Float32Array) => {
      into[0] = 1;
      return ok(undefined);
    };
    await other.take(new Float32Array(1), read);
    other.leave();
    for (let i = 0; i < 10; i++) expect((await one.take(new Float32Array(1), read)).ok).toBe(true);
    one.leave();
  });

  it('hands a failed read to everybody who wanted the batch', async () => {
    const [one, other] = [joinPass('failing'), joinPass('failing')];
    const failure = { ok: false, error: { reason: 'interrupted' } } as const;
    const results = await Promise.all([one, other].map((pass) => pass.take(new Float32Array(1), async () => failure)));
    expect(results).toEqual([failure, failure]);
    one.leave();
    other.leave();
  });
});

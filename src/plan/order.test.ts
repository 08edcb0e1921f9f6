import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type OrderedStage, orderStages } from './order.ts';

/** Random acyclic pipelines: stage i reads some of the stages before it, listed in a random order. */
const pipelines = fc
  .integer({ min: 1, max: 12 })
  .chain((n) =>
    fc.tuple(
      fc.array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: n, maxLength: n }),
      fc.infiniteStream(fc.nat()),
    ),
  )
  .map(([reads, shuffle]) => {
    const stages: OrderedStage[] = reads.map((picks, i) => ({
      name: `s${i}`,
      from: Object.fromEntries(i === 0 ? [] : picks.map((pick, port) => [`p${port}`, { stage: `s${pick % i}` }])),
    }));
    return stages
      .map((stage) => ({ stage, at: shuffle.next().value }))
      .sort((a, b) => a.at - b.at)
      .map(({ stage }) => stage);
  });

it('puts every stage after what it reads, and keeps all of them', () => {
  fc.assert(
    fc.property(pipelines, (stages) => {
      const ordered = orderStages(stages);
      expect(new Set(ordered)).toEqual(new Set(stages));
      const at = new Map(ordered.map(({ name }, i) => [name, i]));
      for (const stage of ordered) {
        for (const { stage: from } of Object.values(stage.from))
          expect(at.get(from)).toBeLessThan(at.get(stage.name) ?? -1);
      }
    }),
  );
});

it('throws on a cycle, which the configuration has refused before', () => {
  expect(() =>
    orderStages([
      { name: 'a', from: { data: { stage: 'b' } } },
      { name: 'b', from: { data: { stage: 'a' } } },
    ]),
  ).toThrow('cycle among a, b');
});

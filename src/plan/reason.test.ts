import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../base/json.ts';
import type { FingerprintRecord } from './fingerprint.ts';
import { describeReason, differences, reasonForRun } from './reason.ts';

const record = (given: Json, inputs = {}): FingerprintRecord => ({
  kind: 'train-head',
  version: 1,
  with: given,
  seed: 42,
  inputs,
});
const stageOf = (port: string) => `stage-behind-${port}`;

describe('reasons', () => {
  it('names the changed key with both values', () => {
    const reason = reasonForRun(record({ epochs: 5, batch: 128 }), record({ epochs: 20, batch: 128 }), stageOf);
    expect(describeReason(reason)).toBe('epochs 20 → 5');
  });

  it('counts an added and a removed key as changes', () => {
    const reason = reasonForRun(record({ l2: 0.1 }), record({ loss: 'hinge' }), stageOf);
    expect(describeReason(reason)).toBe('loss hinge (removed), l2 0.1 (new)');
  });

  it('names the stage behind a changed input', () => {
    const reason = reasonForRun(record({}, { data: 'b/features' }), record({}, { data: 'a/features' }), stageOf);
    expect(describeReason(reason)).toBe('stage-behind-data changed');
  });

  it('never shows a value from the environment (C17)', () => {
    const before = record({ token: { env: 'TOKEN', keyed: 'aa' } });
    const after = record({ token: { env: 'TOKEN', keyed: 'bb' } });
    expect(describeReason(reasonForRun(after, before, stageOf))).toBe('env:TOKEN (changed)');
  });

  it('knows a new stage and a lost entry', () => {
    expect(reasonForRun(record({}), undefined, stageOf)).toEqual({ type: 'new' });
    expect(reasonForRun(record({}), record({}), stageOf)).toEqual({ type: 'lost' });
  });

  it('finds no difference in equal values and at least one in others', () => {
    const json = fc.jsonValue().map((value): Json => JSON.parse(JSON.stringify(value)));
    fc.assert(
      fc.property(json, (value) => {
        expect(differences('', value, value)).toEqual([]);
      }),
    );
    fc.assert(
      fc.property(json, json, (a, b) => {
        fc.pre(JSON.stringify(a) !== JSON.stringify(b) && !equalButForOrder(a, b));
        expect(differences('', a, b).length).toBeGreaterThan(0);
      }),
    );
  });
});

function equalButForOrder(a: Json, b: Json): boolean {
  const sorted = (value: Json): Json =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.entries(value)
          .sort(([x], [y]) => (x < y ? -1 : 1))
          .map(([key, item]) => [key, sorted(item)])
      : value;
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

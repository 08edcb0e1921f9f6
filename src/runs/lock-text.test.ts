import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../base/json.ts';
import { sourceText } from '../config/source-text.ts';
import { compareLocks, matters, withinTolerance } from './compare-locks.ts';
import type { LockedStage, LockFile } from './lock-file.ts';
import { lockText } from './lock-text.ts';
import { readLock } from './read-lock.ts';

/** Texts that YAML could take for something else, among any others. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }).filter((value) => value.isWellFormed()),
  fc.constantFrom(
    '',
    'true',
    'No',
    'on',
    '~',
    '1e5',
    '0x1F',
    '.5',
    '.inf',
    '- a',
    'a: b',
    'a #b',
    '#',
    '"',
    "'",
    '\n',
    '\u0085',
    '\u2028',
    '\ufeff',
    '...',
    '---',
    '<<',
    '1_000',
    '2001-01-01',
    '../x',
    './x y',
    '…/x',
    '=',
    '&a',
    '*a',
    '!a',
    '{',
    '[',
    '|',
    '>',
    '%',
    '@',
    '`',
    '<<<<<<<',
    '1234567890'.repeat(6) + '12e4',
    'a'.repeat(64),
    'env:TOKEN',
  ),
);
const name = text.filter((value) => value !== '' && !['__proto__', 'constructor', 'prototype'].includes(value));
const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  fc.constantFrom(1e-7, 1e21, 5e-324),
);
const json: fc.Arbitrary<Json> = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(name, tie('json'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).json;
const settings = fc.dictionary(name, json, { maxKeys: 5, noNullPrototype: true });
const texts = fc.dictionary(name, text, { maxKeys: 3, noNullPrototype: true });
const stage: fc.Arbitrary<LockedStage> = fc.record({
  kind: name,
  version: fc.nat(),
  fingerprint: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 }),
  seed: fc.option(fc.integer()),
  from: texts,
  with: settings,
  data: texts,
  weights: fc.option(name),
  counts: fc.dictionary(name, fc.nat(), { maxKeys: 3, noNullPrototype: true }),
  engine: fc.option(name),
  metrics: fc.dictionary(
    name,
    fc.oneof(number, fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)),
    { maxKeys: 4, noNullPrototype: true },
  ),
});
const lock: fc.Arbitrary<LockFile> = fc.record({
  pipeline: text,
  overrides: settings,
  stages: fc
    .dictionary(name, stage, { maxKeys: 4, noNullPrototype: true })
    .map((stages) => new Map(Object.entries(stages))),
});

describe('a lock file', () => {
  it('is read as it was written, whatever names and values are', async () => {
    await fc.assert(
      fc.asyncProperty(lock, async (written) => {
        const read = await readLock(sourceText('/x.lock.yaml', lockText(written)));
        expect(read).toEqual({ ok: true, value: written });
      }),
      { numRuns: 300 },
    );
  });

  it('is the same whatever the order of stages and keys', () => {
    fc.assert(
      fc.property(lock, (written) => {
        const turned = (value: LockFile): LockFile => ({
          ...value,
          stages: new Map(
            [...value.stages].reverse().map(([key, one]) => [
              key,
              {
                ...one,
                with: reversed(one.with),
                metrics: Object.fromEntries(Object.entries(one.metrics).reverse()),
              },
            ]),
          ),
        });
        expect(lockText(turned(written))).toBe(lockText(written));
      }),
    );
  });

  it('does not differ from itself, and from another only where it is another', () => {
    fc.assert(
      fc.property(lock, lock, (left, right) => {
        expect(compareLocks(left, left, { tolerance: 0 })).toEqual([]);
        const same = compareLocks(left, right, { tolerance: 0 }).filter(matters).length === 0;
        const plain = ({ stages }: LockFile) =>
          lockText({
            pipeline: '',
            overrides: {},
            stages: new Map([...stages].map(([key, one]) => [key, { ...one, engine: null }])),
          });
        expect(same).toBe(plain(left) === plain(right));
      }),
    );
  });
});

function reversed(value: Json): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

describe('the tolerance', () => {
  it.each([
    [0.9, 0.9009, true],
    [0.9, 0.9011, false],
    [0, 0.001, true],
    [0, -0.0011, false],
    [1000, 1000.9, true],
    [1000, 1001.1, false],
    [Number.NaN, Number.NaN, true],
    [Number.NaN, 0, false],
    [0, Number.NaN, false],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, true],
    [1, Number.POSITIVE_INFINITY, false],
    [Number.POSITIVE_INFINITY, 1, false],
  ])('of 1e-3 for %d and %d: %s', (locked, now, within) => {
    expect(withinTolerance(locked, now, 1e-3)).toBe(within);
  });
});

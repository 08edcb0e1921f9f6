import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprintOf, taggedDigest } from './digest.ts';
import { canonicalJson, type Json } from './json.ts';

describe('canonical JSON', () => {
  // The example of RFC 8785, section 3.2.2, and the sort order of section 3.2.3.
  it('prints the example of RFC 8785', () => {
    const example: Json = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\u0022/",
      literals: [null, true, false],
    };
    expect(canonicalJson(example)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts keys by UTF-16 code unit', () => {
    const keys = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(Object.keys(JSON.parse(canonicalJson(keys)))).toHaveLength(7);
    expect(canonicalJson(keys)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, '\ud800'])('refuses %s', (value) => {
    expect(() => canonicalJson([value])).toThrow(TypeError);
  });

  it('writes -0 as 0', () => expect(canonicalJson(-0)).toBe('0'));

  it('does not depend on the order of keys, and reads back as the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json: Json = JSON.parse(JSON.stringify(value));
        const shuffled = (item: Json): Json => {
          if (Array.isArray(item)) return item.map(shuffled);
          if (item === null || typeof item !== 'object') return item;
          return Object.fromEntries(
            Object.entries(item)
              .reverse()
              .map(([key, member]) => [key, shuffled(member)]),
          );
        };
        expect(canonicalJson(shuffled(json))).toBe(canonicalJson(json));
        expect(JSON.parse(canonicalJson(json))).toEqual(json);
      }),
    );
  });
});

it('fingerprints are locked: a dependency or a refactoring must not move them', () => {
  expect(
    fingerprintOf({ kind: 'split', version: 1, with: { validation: 0.3 }, seed: 42, inputs: {} }),
  ).toMatchInlineSnapshot(`"99bb8e48ecfc2779cb4aeb1387567a8c93a13e0714a7ce380d9e72f0d12304ac"`);
  expect(taggedDigest('row-space', { a: [1, 2.5, 'ä'] })).toMatchInlineSnapshot(
    `"b87bcc14a978547963602337437f7692f1d3a690b38a9e73dc89b528062be20f"`,
  );
  expect(taggedDigest('a', 'x')).not.toBe(taggedDigest('b', 'x'));
});

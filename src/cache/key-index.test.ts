import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KeyIndex } from './key-index.ts';

/** Few distinct keys with few distinct first words, so that probing and collisions happen all the time. */
const smallKey = fc.tuple(fc.nat(3), fc.nat(20)).map(([first, last]) => {
  const key = new Uint8Array(33).subarray(1);
  key[0] = first;
  key[31] = last;
  return key;
});

it('behaves like a map, also with colliding keys, dropping and growth', () => {
  const command = fc.record({ key: smallKey, act: fc.constantFrom('add', 'drop', 'find'), place: fc.nat(1e6) });
  fc.assert(
    fc.property(fc.array(command, { maxLength: 300 }), (commands) => {
      const index = new KeyIndex(1);
      const model = new Map<string, number>();
      for (const { key, act, place } of commands) {
        const name = Buffer.from(key).toString('hex');
        const handle = index.find(key);
        expect(handle >= 0).toBe(model.has(name));
        if (handle >= 0)
          expect([index.pack(handle), index.row(handle), index.crc(handle)]).toEqual([1, model.get(name), 7]);
        if (act === 'add') {
          expect(index.add(key, 1, place, 7)).toBe(!model.has(name));
          if (!model.has(name)) model.set(name, place);
        }
        if (act === 'drop' && handle >= 0) {
          index.drop(handle);
          model.delete(name);
        }
        expect(index.count).toBe(model.size);
      }
    }),
  );
});

it('refuses a key of another length', () => {
  expect(() => new KeyIndex().find(new Uint8Array(31))).toThrow('32 bytes');
});

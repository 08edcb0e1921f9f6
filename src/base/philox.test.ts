import { expect, it } from 'vitest';
import { DrawStream, philox4x32 } from './philox.ts';

const hex = (words: Uint32Array) => Array.from(words, (word) => word.toString(16).padStart(8, '0')).join(' ');

// Known answers for philox4x32-10, from the kat_vectors file of Random123 (D. E. Shaw Research).
it.each([
  [[0, 0, 0, 0, 0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
  [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], '408f276d 41c83b0e a20bc7c6 6d5451fd'],
  [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0], 'd16cfe09 94fdcceb 5001e420 24126ea1'],
])('gives the published words for %j', (input, words) => {
  const out = new Uint32Array(4);
  const [c0 = 0, c1 = 0, c2 = 0, c3 = 0, k0 = 0, k1 = 0] = input;
  philox4x32(c0, c1, c2, c3, k0, k1, out);
  expect(hex(out)).toBe(words);
});

it('draws the same stream for the same seed and purpose, another for another', () => {
  const draw = (seed: number, purpose: string) => {
    const stream = new DrawStream(seed, purpose);
    return Array.from({ length: 9 }, () => stream.uint32());
  };
  expect(draw(1, 'a')).toEqual(draw(1, 'a'));
  expect(draw(1, 'a')).not.toEqual(draw(2, 'a'));
  expect(draw(1, 'a')).not.toEqual(draw(1, 'b'));
});

it('draws uniforms and normals with the moments they should have', () => {
  const stream = new DrawStream(7, 'moments');
  const n = 20_000;
  const uniforms = Array.from({ length: n }, () => stream.uniform());
  const normals = Array.from({ length: n }, () => stream.normal());
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(Math.min(...uniforms)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...uniforms)).toBeLessThan(1);
  expect(mean(uniforms)).toBeCloseTo(0.5, 1);
  expect(mean(normals)).toBeCloseTo(0, 1);
  expect(mean(normals.map((value) => value * value))).toBeCloseTo(1, 1);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activationScale, lostOfFilters, quantizeWeights, roundHalfEven } from './quantized-numbers.ts';

const numbers = fc.double({ min: -1e3, max: 1e3, noNaN: true }).map(Math.fround);

describe('numbers in eight bits', () => {
  it('gives back every weight to half a step of its channel', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(numbers, { minLength: 6, maxLength: 6 }), { minLength: 1, maxLength: 5 }),
        (rows) => {
          const weights = Float32Array.from(rows.flat());
          const { data, scales } = quantizeWeights(weights, new Float32Array(rows.length), 6, 0.1);
          weights.forEach((weight, at) => {
            const scale = scales[Math.floor(at / 6)] ?? 0;
            expect(Math.abs((data[at] ?? 0) * scale - weight)).toBeLessThanOrEqual(scale / 2 + 1e-6 * Math.abs(weight));
            expect(Math.abs(data[at] ?? 0)).toBeLessThanOrEqual(127);
          });
        },
      ),
    );
  });

  it('knows what rounding takes from a convolution on inputs that are their means, in groups too', () => {
    // Two groups of two inputs and two filters, each of 1×2 places; rounded to whole numbers.
    const data = Float32Array.of(0.6, 1.2, -0.4, 2, 3, 0.3, 1, 1, 0.2, 0.2, 0.2, 0.2, -1.4, 0, 0, 5.5);
    const rounded = {
      data: Int8Array.from(data, roundHalfEven),
      scales: new Float32Array(4).fill(1),
      bias: new Int32Array(4),
    };
    const lost = lostOfFilters({ shape: [4, 2, 1, 2], data }, rounded, Float32Array.of(10, 100, 1000, 10000));
    // By hand: Σ (w − ŵ) · mean of the input that the filter's row reads.
    const expected = [-0.2 * 10 - 0.4 * 100, 0.3 * 10, 0.4 * 1000 + 0.4 * 10000, -0.4 * 1000 - 0.5 * 10000];
    expected.forEach((value, channel) => {
      expect(lost[channel]).toBeCloseTo(value, 2);
    });
  });

  it('gives back every activation of its range to half a step, and zero exactly', () => {
    fc.assert(
      fc.property(numbers, numbers, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, share) => {
        const [min, max] = [Math.min(0, a, b), Math.max(0, a, b)];
        const { scale, zero } = activationScale({ min, max });
        const value = min + share * (max - min);
        const q = Math.min(255, Math.max(0, roundHalfEven(value / scale) + zero));
        // The zero is rounded to a step, so that the ends may lie half a step outside.
        expect(Math.abs((q - zero) * scale - value)).toBeLessThanOrEqual(scale * 1.001);
        expect(Number.isInteger(zero) && zero >= 0 && zero <= 255).toBe(true);
      }),
    );
  });

  it('takes a range too small for a float32 scale as zero', () => {
    const { scale, zero } = activationScale({ min: -7.2e-42, max: 0 });
    expect([roundHalfEven(-7.2e-42 / scale) + zero, zero]).toEqual([zero, 0]);
  });

  it('keeps a bias that weights of its channel are too small for', () => {
    const { bias, scales } = quantizeWeights(Float32Array.of(1e-12, 0, 1, 2), Float32Array.of(5, 5), 2, 0.01);
    for (const [c, value] of bias.entries()) expect(value * 0.01 * (scales[c] ?? 0)).toBeCloseTo(5, 5);
  });

  it.each([
    [0.5, 0],
    [1.5, 2],
    [-0.5, 0],
    [-1.5, -2],
    [2.4, 2],
    [-2.6, -3],
  ])('rounds %d to %d, halves to even', (value, rounded) => {
    expect(roundHalfEven(value) + 0).toBe(rounded);
  });
});

import { describe, expect, it } from 'vitest';
import type { Measured } from '../engines/measured.ts';
import { int8Option } from './int8-option.ts';

const measured: Measured = {
  engine: 'ort',
  device: 'cpu',
  stamp: '1',
  machine: 'this one',
  passed: true,
  int8: { vgg16: { float32: 100, int8: 400 } },
  at: '2026-01-01',
};
// A tenth of a second a row in float32, a fortieth in int8.
const question = { flops: 1e10, network: 'vgg16', rows: 1000, predictedMs: undefined };

describe('what int8 would save', () => {
  it('follows from the measured speeds, the calibration of 64 images in float32 included', () => {
    const option = int8Option(question, measured);
    expect(option).toEqual({ float32Ms: 100_000, int8Ms: expect.closeTo(25_000 + 6_400, 3) });
  });

  it('is of the time that the stage took before, where it ran', () => {
    // As fast as measured, or faster: the same factor.
    expect(int8Option({ ...question, predictedMs: 80_000 }, measured)).toEqual({
      float32Ms: 80_000,
      int8Ms: expect.closeTo(20_000 + 5_120, 3),
    });
    // Slower: what is not the network stays.
    expect(int8Option({ ...question, predictedMs: 300_000 }, measured)).toEqual({
      float32Ms: 300_000,
      int8Ms: expect.closeTo(225_000 + 19_200, 3),
    });
  });

  it('is no word worth where little is saved', () => {
    expect(int8Option({ ...question, rows: 100 }, measured)).toBeUndefined();
    const slow = { ...measured, int8: { vgg16: { float32: 100, int8: 90 } } };
    expect(int8Option(question, slow)).toBeUndefined();
  });

  it('is no number where nothing was measured', () => {
    expect(int8Option(question, { ...measured, int8: {} })).toBe('unmeasured');
    expect(int8Option(question, undefined)).toBe('unmeasured');
    expect(int8Option({ ...question, rows: 100 }, undefined)).toBeUndefined();
    // Nor is a measurement promised of a network that is never measured.
    expect(int8Option({ ...question, network: 'vgg-mini' }, measured)).toBeUndefined();
    expect(int8Option({ ...question, network: undefined }, measured)).toBeUndefined();
  });
});

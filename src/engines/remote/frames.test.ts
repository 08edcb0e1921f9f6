import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, frame } from './frames.ts';

function through(values: readonly unknown[], size: number): unknown[] {
  const bytes = Buffer.concat(values.flatMap((value) => frame(value)));
  const read: unknown[] = [];
  const reader = new FrameReader((value) => read.push(value));
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
  return read;
}

const numbers = fc.oneof(
  fc.float32Array({ maxLength: 40 }),
  fc.int32Array({ maxLength: 9 }),
  fc.uint32Array({ maxLength: 9 }),
  fc.uint8Array({ maxLength: 70 }),
);
const value = fc.record({
  name: fc.string(),
  arrays: fc.array(numbers, { maxLength: 4 }),
  map: fc.array(fc.tuple(fc.string(), numbers), { maxLength: 3 }).map((entries) => new Map(entries)),
});

describe('frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), fc.integer({ min: 1, max: 90 }), (values, size) => {
        expect(through(values, size)).toEqual(values);
      }),
    );
  });

  it('carry a part of a larger array alone', () => {
    const whole = Float32Array.of(1, 2, 3, 4);
    expect(through([{ part: whole.subarray(1, 3) }], 7)).toEqual([{ part: Float32Array.of(2, 3) }]);
  });

  it('refuse kinds of arrays that no engine is sent', () => {
    expect(() => frame({ wide: Float64Array.of(1) })).toThrow('no Float64Array');
  });
});

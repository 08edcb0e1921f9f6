import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFloat16, encodeFloat16, FLOAT16_MAX, float16Bits, float16Value } from './float16.ts';
import { decodeNpy, encodeNpy, NpyWriter, npyHeader } from './npy.ts';
import { float32Of, readSafetensors, safetensorsHeader, writeSafetensors } from './safetensors.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tensor-files-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('float16', () => {
  it('reads back every half that is a number as the same bits', () => {
    for (let half = 0; half < 65536; half++) {
      const number = float16Value(half);
      if (Number.isFinite(number)) expect(float16Bits(number)).toBe(half);
    }
  });

  it('rounds to the nearest half, ties to even, over the whole finite range', () => {
    for (let half = 0; half < 0x7bff; half++) {
      const [below, above] = [float16Value(half), float16Value(half + 1)];
      const middle = (below + above) / 2;
      expect(float16Bits(middle)).toBe(half % 2 === 0 ? half : half + 1);
      expect(float16Bits(-middle)).toBe((half % 2 === 0 ? half : half + 1) | 0x8000);
      expect(float16Bits(below + (above - below) * 0.49)).toBe(half);
      expect(float16Bits(below + (above - below) * 0.51)).toBe(half + 1);
    }
  });

  it('saturates, and keeps infinities and NaN', () => {
    const halves = encodeFloat16(Float32Array.of(1e9, -70000, Number.POSITIVE_INFINITY, Number.NaN, 65519));
    const numbers = new Float32Array(5);
    decodeFloat16(halves, numbers);
    expect([...numbers]).toEqual([FLOAT16_MAX, -FLOAT16_MAX, Number.POSITIVE_INFINITY, Number.NaN, FLOAT16_MAX]);
  });
});

describe('.npy', () => {
  it('has a header of a multiple of 64 bytes that ends in a newline', () => {
    const header = Buffer.from(npyHeader([7], 'float16'));
    expect(header.length % 64).toBe(0);
    expect(header.readUInt16LE(8)).toBe(header.length - 10);
    expect(header.subarray(10).toString().trimEnd()).toBe("{'descr': '<f2', 'fortran_order': False, 'shape': (7,), }");
    expect(header.at(-1)).toBe(10);
  });

  it('gives the same bytes whole and in pieces, and reads them back', () => {
    const numbers = Float32Array.of(1, 2.5, -3, 0, 5, 6);
    const path = join(folder, 'a.npy');
    const writer = new NpyWriter(path, [3, 2], 'float32', { flush: false });
    writer.write(numbers.subarray(0, 4));
    writer.write(numbers.subarray(4));
    writer.commit();
    const whole = encodeNpy([3, 2], numbers);
    expect(readFileSync(path).equals(whole)).toBe(true);
    expect(decodeNpy(whole)).toEqual({ shape: [3, 2], numbers });
  });

  it('refuses to commit fewer numbers than its shape holds', () => {
    const writer = new NpyWriter(join(folder, 'b.npy'), [3], 'float32', { flush: false });
    writer.write(new Float32Array(2));
    expect(() => writer.commit()).toThrow('lacks 4 bytes');
    writer.discard();
  });
});

describe('safetensors', () => {
  it('reads back what it wrote', () => {
    const path = join(folder, 'a.safetensors');
    const tensors = new Map([
      ['b/kernel', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
      ['__proto__', { shape: [0], data: new Float32Array(0) }],
      ['a', { shape: [], data: Float32Array.of(9) }],
    ]);
    writeSafetensors(path, tensors, { flush: false, metadata: { format: 'test' } });
    const read = readSafetensors(readFileSync(path));
    if (!read.ok) throw new Error(read.error);
    expect([...read.value].map(([name, tensor]) => [name, { shape: tensor.shape, data: float32Of(tensor) }])).toEqual([
      ...tensors,
    ]);
  });

  const file = (header: string, data: number) => {
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
    return Buffer.concat([start, Buffer.from(header), Buffer.alloc(data)]);
  };

  it.each([
    ['a file cut short', Buffer.alloc(5), 'too short'],
    ['a header length beyond the end', Buffer.alloc(16, 255), 'header length'],
    ['a header that is no JSON', file('nope', 0), 'not a JSON object'],
    [
      'overlapping tensors',
      file(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
      'overlap',
    ],
    ['gaps', file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', 8), 'gaps'],
    ['bytes behind the last tensor', file('{}', 3), 'belong to no tensor'],
    [
      'offsets that do not fit the shape',
      file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 4),
      'do not fit',
    ],
    ['a negative extent', file('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4), 'without a shape'],
    ['an unknown type', file('{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}', 8), 'I64'],
  ])('refuses %s', (_title, bytes, message) => {
    const read = readSafetensors(bytes);
    expect(read).toMatchObject({ ok: false, error: expect.stringContaining(message) });
  });

  it('never throws on arbitrary bytes', () => {
    const header = safetensorsHeader([{ name: 'x', dtype: 'F32', shape: [2] }]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(header.length - 1), fc.nat(255), (noise, at, byte) => {
        const damaged = Buffer.concat([header, Buffer.alloc(8)]);
        damaged[at] = byte;
        expect(typeof readSafetensors(noise).ok).toBe('boolean');
        expect(typeof readSafetensors(damaged).ok).toBe('boolean');
      }),
    );
  });
});

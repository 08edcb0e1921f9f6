import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { sharedPath } from '../../../test/shared-data.ts';
import { cutOnnx, describeOnnx, type OnnxFile, readOnnx } from './onnx-file.ts';

const folder = fileURLToPath(new URL('../../../test/vectors/onnx-files/', import.meta.url));
const expected: {
  readonly input: readonly number[];
  readonly outputs: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly numbers: readonly number[] }>
  >;
} = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));

function open(path: string): OnnxFile {
  const file = readOnnx(readFileSync(path), 'FILE');
  if (!file.ok) throw new Error(file.error.message);
  return file.value;
}

const small = open(join(folder, 'small.onnx'));

describe('an ONNX file', () => {
  it('is described by its input and its layers', () => {
    expect(small.input).toEqual({ name: 'image', layout: 'nchw', height: 8, width: 6, channels: 3, single: false });
    const layers = describeOnnx(small, 'nchw', [8, 6, 3]);
    expect(layers.map(({ name, output, shape, parameters }) => [name, output, shape, parameters])).toEqual([
      ['conv1', 'c1', [5, 8, 6], 140],
      ['norm1', 'n1', [5, 8, 6], 10],
      ['relu1', 'r1', [5, 8, 6], 0],
      ['pool1', 'p1', [5, 4, 3], 0],
      ['c2', 'c2', [6, 2, 2], 270],
      ['add', 'a2', [6, 2, 2], 0],
      ['join', 'j2', [12, 2, 2], 0],
      ['global', 'g2', [12, 1, 1], 0],
      ['flatten', 'f2', [12], 0],
      ['classify', 'scores', [4], 48],
    ]);
    expect(layers[0]?.flops).toBe(2 * 5 * 8 * 6 * 27);
  });

  it.each([
    ['conv1', 'c1', 1],
    ['pool1', 'p1', 4],
    ['c2', 'c2', 5],
    ['join', 'j2', 7],
    ['f2', 'f2', 9],
    ['classify', 'scores', 10],
  ])('cut at %s computes what the whole one does there', async (layer, output, kept) => {
    const cut = cutOnnx(small, layer, 'FILE');
    expect(cut).toMatchObject({ ok: true, value: { output, kept } });
    if (!cut.ok) return;
    const session = await ort.InferenceSession.create(cut.value.bytes);
    const image = new ort.Tensor('float32', Float32Array.from(expected.input), [2, 3, 8, 6]);
    const result = (await session.run({ image }))[output];
    await session.release();
    expect(result?.dims.slice(1)).toEqual(expected.outputs[output]?.shape);
    expected.outputs[output]?.numbers.forEach((value, i) => {
      expect(result?.data[i]).toBeCloseTo(value, 5);
    });
    // The cut file passes the same checks.
    expect(readOnnx(cut.value.bytes, 'FILE').ok).toBe(true);
  });

  it('lists its layers for a wrong name', () => {
    expect(cutOnnx(small, 'pool2', 'FILE')).toMatchObject({
      error: {
        code: 'M003',
        message: 'FILE has no layer "pool2"',
        help: expect.stringMatching(/did you mean "pool1"\?.*c2 Conv/),
      },
    });
  });

  it('stays the same bytes where nothing is cut', () => {
    expect(cutOnnx(small, undefined, 'FILE')).toMatchObject({ value: { bytes: small.bytes, output: 'scores' } });
  });
});

describe('files that are refused', () => {
  it.each([
    ['W3 W4 external data in the parent folder', 'external-parent', 'M009', '"w1" in another file, "../secret.bin"'],
    ['W3 W4 external data at an absolute path', 'external-absolute', 'M009', 'in another file, "/etc/passwd"'],
    ['W3 external data with a backslash', 'external-backslash', 'M009', 'in another file, "..'],
    ['W3 external data at a URL', 'external-url', 'M009', 'in another file, "http://localhost/x"'],
    ['W3 external data without a place', 'external-empty', 'M009', 'in another file, ""'],
    ['W3 external data beside the file', 'external-beside', 'M009', 'in another file, "weights.bin"'],
    ['W3 external data in a nested graph', 'external-nested', 'M009', 'in another file, "x.bin"'],
    ['W5 a shape bomb', 'shape-bomb', 'M009', '"w1" that declares 18446744073709552000 bytes and stores 540'],
    ['W4 a negative extent', 'negative', 'M009', '"w1" that has a negative extent'],
    ['W5 a weight without numbers', 'without-data', 'M009', 'declares 135 numbers and stores 0'],
    ['W12 NaN', 'nan', 'M011', 'NaN in the weight "w1"'],
    ['W12 infinity', 'infinity', 'M011', 'infinity in the weight "w1"'],
    ['W7 an unknown opset', 'opset', 'M010', 'version 99 of the standard operators'],
    ['W7 an unknown operator', 'operator', 'M010', 'the operator "Frobnicate" (node "odd")'],
    ['W7 W10 an operator of its own domain', 'domain', 'M010', 'the operator "Relu" of the domain "my.own"'],
    ['two inputs', 'two-inputs', 'M010', 'has 2 inputs ("image", "mask")'],
    ['no image as input', 'flat-input', 'M010', 'of shape [?, 144], not a batch of images'],
  ])('%s', (_title, name, code, message) => {
    expect(readOnnx(readFileSync(join(folder, `refused-${name}.onnx`)), 'FILE')).toMatchObject({
      error: { code, message: expect.stringContaining(message) },
    });
  });

  it.each([
    ['W6 nothing', Buffer.alloc(0)],
    ['W6 text', Buffer.from('<!doctype html><html>not a model</html>')],
  ])('%s', (_title, bytes) => {
    expect(readOnnx(bytes, 'FILE')).toMatchObject({
      error: { code: 'M007', message: expect.stringContaining('is no ONNX model') },
    });
  });

  it('W6 every cut-off file, and arbitrary damage ends in a value', () => {
    const whole = readFileSync(join(folder, 'small.onnx'));
    for (let length = 0; length < whole.length; length++)
      expect(typeof readOnnx(whole.subarray(0, length), 'FILE').ok).toBe('boolean');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (changes) => {
          const damaged = Buffer.from(whole);
          for (const [at, byte] of changes) damaged[at] = byte;
          const file = readOnnx(damaged, 'FILE');
          if (file.ok) expect(describeOnnx(file.value, 'nchw', [8, 6, 3]).length).toBeGreaterThan(0);
          else expect(file.error.message).toMatch(/^FILE /);
        },
      ),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        expect(typeof readOnnx(noise, 'FILE').ok).toBe('boolean');
      }),
    );
  });
});

describe('SqueezeNet 1.1', () => {
  const path = sharedPath('models/squeezenet1.1/squeezenet1.1_rebuilt.onnx');

  it.skipIf(!path)('is understood to the last layer (skipped where the file is missing)', () => {
    const file = open(path ?? '');
    const layers = describeOnnx(file, 'nchw', [224, 224, 3]);
    expect(layers.every(({ shape }) => shape !== undefined && !shape.includes(null))).toBe(true);
    expect(layers.at(-1)?.shape).toEqual([1000]);
    expect(layers.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(1_235_496);
  });
});

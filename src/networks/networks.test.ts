import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findArchitecture } from './architectures/index.ts';
import { cutNetwork } from './cut.ts';
import { drawWeight, randomWeights } from './initializers.ts';
import { describeNetwork } from './layers.ts';
import type { InitializerName, Layer, Network, Padding } from './network.ts';

interface Vectors {
  readonly layers: Readonly<Record<string, readonly (readonly [string, readonly number[], number])[]>>;
  readonly spreads: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly deviation: number; readonly largest: number }>
  >;
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../test/vectors/keras-networks/vectors.json', import.meta.url), 'utf8'),
);

/** `vgg16 224x224 top`, `mobilenet-v1 0.25 161x97`: the network of a title in the vectors. */
function networkOf(title: string): Network {
  const words = title.split(' ');
  const alpha = Number(words.find((word) => /^[\d.]+$/.test(word)) ?? 1);
  const [height = 0, width = 0] = (words.find((word) => /^\d+x\d+$/.test(word)) ?? '').split('x').map(Number);
  const architecture = findArchitecture(words[0] ?? '');
  if (!architecture) throw new Error(`no architecture for ${title}`);
  return architecture.build({ height, width, channels: 3, top: words.includes('top'), classes: 1000, alpha });
}

function described(network: Network) {
  const description = describeNetwork(network);
  if (!description.ok) throw new Error(description.error.message);
  return description.value;
}

function misfit(input: readonly number[], layers: readonly Layer[]) {
  const description = describeNetwork({ name: 'net', input, layers });
  if (description.ok) throw new Error('fits');
  return description.error;
}

const dense: Layer = { type: 'dense', name: 'd', units: 4, activation: 'linear', bias: true, init: 'glorot-uniform' };
const pool = (side: number, padding: Padding = 'valid', name = 'p'): Layer => ({
  type: 'max-pool',
  name,
  size: [side, side],
  strides: [side, side],
  padding,
});

describe('the built-in networks', () => {
  it.each(Object.keys(vectors.layers))('%s has the layers, shapes and parameters that Keras gives it', (title) => {
    // Keras names a few layers without weights by a counter.
    const unnamed = (name: string) => (/^(global_average_pooling2d|reshape)/.test(name) ? 'unnamed' : name);
    const squeezed = (shape: readonly number[]) => shape.filter((extent) => extent !== 1);
    const ours = described(networkOf(title)).layers.filter(({ name }) => name !== 'reshape_1');
    expect(ours.map(({ name, output, parameters }) => [unnamed(name), squeezed(output), parameters])).toEqual(
      vectors.layers[title]?.map(([name, shape, parameters]) => [unnamed(name), squeezed(shape), parameters]),
    );
  });

  it('counts 30.7 GFLOP for an image through the base of VGG16', () => {
    expect(described(networkOf('vgg16 224x224')).flops / 1e9).toBeCloseTo(30.7, 1);
    expect(described(networkOf('vgg16 224x224')).parameters).toBe(14_714_688);
  });
});

describe('shapes that do not chain', () => {
  it('name the layer, what it expects and what it gets', () => {
    expect(misfit([2, 2, 3], [pool(2, 'valid', 'a'), pool(2)])).toMatchObject({
      code: 'M002',
      message: 'layer "p" (max-pool) of net expects at least 2×2 pixels, but layer "a" gives [1, 1, 3]',
      help: expect.stringContaining('larger images'),
    });
    expect(misfit([2, 2, 3], [dense])).toMatchObject({
      message: 'layer "d" (dense) of net expects one row of features, but the input gives [2, 2, 3]',
      help: expect.stringContaining('flatten'),
    });
    expect(misfit([8], [pool(2)]).message).toContain('expects an image [height, width, channels]');
    expect(misfit([8], [dense, dense]).message).toContain('two layers called "d"');
    expect(misfit([8], [{ ...dense, units: 0 }]).message).toContain('0 units');
    expect(misfit([8], [{ type: 'reshape', name: 'r', shape: [3, 3] }]).message).toContain('[3, 3], 9 numbers');
    expect(misfit([8], [{ type: 'dropout', name: 'r', rate: 1 }]).message).toContain('rate 1');
  });

  it('agree with counting the places of a window', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.boolean(),
        (n, size, stride, same) => {
          const padding = same ? 'same' : 'valid';
          const description = describeNetwork({
            name: 'net',
            input: [n, n, 1],
            layers: [{ type: 'max-pool', name: 'p', size: [size, size], strides: [stride, stride], padding }],
          });
          let places = 0;
          for (let at = 0; same ? at < n : at + size <= n; at += stride) places++;
          if (places === 0) expect(description.ok).toBe(false);
          else expect(description).toMatchObject({ value: { output: [places, places, 1] } });
        },
      ),
    );
  });
});

describe('a cut', () => {
  const network = networkOf('vgg16 64x64');

  it('ends the network at a layer', () => {
    const cut = cutNetwork(network, 'block2_pool');
    expect(cut).toMatchObject({ ok: true });
    if (cut.ok) expect(described(cut.value).output).toEqual([16, 16, 128]);
  });

  it('lists the layers with their shapes, and the nearest, for a wrong name', () => {
    expect(cutNetwork(network, 'block2_pol')).toMatchObject({
      error: {
        code: 'M003',
        help: expect.stringMatching(/did you mean "block2_pool"\? its layers are block1_conv1 \[64, 64, 64\], /),
      },
    });
  });
});

describe('initialisers', () => {
  const names: readonly InitializerName[] = [
    'glorot-uniform',
    'glorot-normal',
    'he-uniform',
    'he-normal',
    'lecun-uniform',
    'lecun-normal',
    'random-uniform',
    'random-normal',
  ];
  const cases = names.flatMap((init) => ['dense', 'conv', 'depthwise'].map((kind) => [init, kind] as const));

  it.each(cases)('%s of a %s kernel has the spread that Keras gives it', (init, kind) => {
    const expected = vectors.spreads[`${init} ${kind}`];
    if (!expected) throw new Error('no vector');
    const { data } = drawWeight({ name: 'layer/kernel', shape: expected.shape, init }, 3);
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const deviation = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
    expect(Math.abs(mean)).toBeLessThan((4 * expected.deviation) / Math.sqrt(data.length));
    expect(deviation / expected.deviation).toBeGreaterThan(0.96);
    expect(deviation / expected.deviation).toBeLessThan(1.04);
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Only the untruncated normal has no bound of its own.
    if (init !== 'random-normal') expect(Math.abs(largest / expected.largest - 1)).toBeLessThan(0.02);
  });

  it('depend on the seed and the path of the weight alone', () => {
    const small = randomWeights({ name: 'a', input: [8], layers: [dense] }, 1);
    const large = randomWeights({ name: 'b', input: [8], layers: [dense, { ...dense, name: 'e' }] }, 1);
    const other = randomWeights({ name: 'a', input: [8], layers: [dense] }, 2);
    if (!small.ok || !large.ok || !other.ok) throw new Error('misfit');
    expect(large.value.get('d/kernel')).toEqual(small.value.get('d/kernel'));
    expect(other.value.get('d/kernel')).not.toEqual(small.value.get('d/kernel'));
    expect(small.value.get('d/bias')?.data).toEqual(new Float32Array(4));
    // Locked: a change would move every experiment with random weights.
    expect([...(small.value.get('d/kernel')?.data.subarray(0, 3) ?? [])]).toMatchInlineSnapshot(`
      [
        -0.4416188895702362,
        -0.6989156007766724,
        -0.5244738459587097,
      ]
    `);
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedPath } from '../../test/shared-data.ts';
import { findArchitecture } from '../networks/architectures/index.ts';
import { cutNetwork } from '../networks/cut.ts';
import { describeNetwork } from '../networks/layers.ts';
import type { Network } from '../networks/network.ts';
import { openH5 } from './h5-file.ts';
import { readKerasConfig } from './keras-config.ts';
import { readKerasWeights } from './keras-weights.ts';
import { openKerasZip } from './keras-zip.ts';

const folder = fileURLToPath(new URL('../../test/vectors/keras-files/', import.meta.url));
const expected: {
  readonly weights: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly numbers: readonly number[] }>
  >;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
} = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));

function unwrap<T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

/** The small network, from the architecture in a file that has one. */
async function small(): Promise<Network> {
  const file = unwrap(await openH5(join(folder, 'keras2.model.h5')));
  await file.close();
  return unwrap(readKerasConfig(file.contents.modelConfig ?? '', 'keras2.model.h5'));
}

async function weightsOf(path: string, network: Network) {
  const file = await openH5(path, 'FILE');
  if (!file.ok) return file;
  const weights = await readKerasWeights(file.value, 'FILE', network, unwrap(describeNetwork(network)).slots);
  await file.value.close();
  return weights;
}

const first: Network = {
  name: 'net',
  input: [8, 8, 3],
  layers: [
    {
      type: 'conv2d',
      name: 'first',
      filters: 4,
      size: [3, 3],
      strides: [1, 1],
      padding: 'same',
      activation: 'relu',
      bias: false,
      init: 'zeros',
    },
  ],
};

describe('every layout of Keras', () => {
  it.each(['keras1.weights.h5', 'keras2.weights-only.h5', 'keras2.model.h5', 'keras3.weights.h5', 'keras3.model.h5'])(
    '%s gives the same numbers',
    async (name) => {
      const weights = unwrap(await weightsOf(join(folder, name), await small()));
      expect([...weights.keys()].sort()).toEqual(Object.keys(expected.weights).sort());
      for (const [slot, { shape, data }] of weights) {
        expect(shape).toEqual(expected.weights[slot]?.shape);
        expect(data, slot).toEqual(Float32Array.from(expected.weights[slot]?.numbers ?? []));
      }
    },
  );

  it.each(['keras2.model.h5', 'keras3.model.h5'])('%s gives the architecture', async (name) => {
    const file = unwrap(await openH5(join(folder, name)));
    await file.close();
    const network = unwrap(readKerasConfig(file.contents.modelConfig ?? '', name));
    const { layers } = unwrap(describeNetwork(network));
    expect(Object.fromEntries(layers.map(({ name: layer, output }) => [layer, output]))).toEqual(expected.shapes);
  });

  it.each(['keras3.keras', 'keras3.functional.keras'])('%s gives both', async (name) => {
    const zip = unwrap(await openKerasZip(join(folder, name)));
    try {
      const network = unwrap(readKerasConfig(zip.modelConfig, name));
      expect(network.layers).toEqual((await small()).layers);
      const weights = unwrap(await weightsOf(zip.weightsPath, network));
      expect(weights.get('hidden/kernel')?.data).toEqual(
        Float32Array.from(expected.weights['hidden/kernel']?.numbers ?? []),
      );
    } finally {
      zip.discard();
    }
  });
});

describe('files that do not fit', () => {
  it('W13 name the first difference and count the rest', async () => {
    const vgg = findArchitecture('vgg16')?.build({
      height: 32,
      width: 32,
      channels: 3,
      top: false,
      classes: 1000,
      alpha: 1,
    });
    expect(await weightsOf(join(folder, 'keras2.model.h5'), vgg ?? first)).toMatchObject({
      error: {
        code: 'M008',
        message: 'FILE has no weights for the layer "block1_conv1" of vgg16, and 12 more layers do not fit',
        help: expect.stringContaining('the file has weights for first, first_norm'),
      },
    });
    const wide: Network = {
      ...first,
      layers: first.layers.map((layer) => (layer.type === 'conv2d' ? { ...layer, filters: 5 } : layer)),
    };
    expect(await weightsOf(join(folder, 'keras2.model.h5'), wide)).toMatchObject({
      error: { code: 'M008', message: 'FILE has [3, 3, 3, 4] instead of [3, 3, 3, 5] for "first/kernel" of net' },
    });
    const biased: Network = {
      ...first,
      layers: first.layers.map((layer) => (layer.type === 'conv2d' ? { ...layer, bias: true } : layer)),
    };
    expect(await weightsOf(join(folder, 'keras2.model.h5'), biased)).toMatchObject({
      error: { message: 'FILE has 1 weights instead of 2 for the layer "first" of net' },
    });
  });
});

describe('files that are refused', () => {
  it.each([
    ['W8 an external link', 'refused-external-link.h5', 'M009', 'a link to another file'],
    ['W8 an external link beside the weights', 'refused-external-group.h5', 'M009', 'a link to another file'],
    ['W8 a soft link', 'refused-soft-link.h5', 'M009', 'a soft link'],
    ['W8 a virtual dataset', 'refused-virtual.h5', 'M009', 'from other files'],
    ['W8 external storage', 'refused-external-storage.h5', 'M009', 'points to another file, /etc/passwd'],
    ['W5 a shape bomb', 'refused-shape-bomb.h5', 'M009', 'declares 68719476736 bytes'],
    ['W12 NaN', 'refused-nan.h5', 'M011', 'NaN in the weight "first/kernel"'],
    ['integers', 'refused-integers.h5', 'M010', 'not as little-endian float32'],
    ['W6 something else', 'expected.json', 'M007', 'is no HDF5 file'],
  ])('%s', async (_title, name, code, message) => {
    expect(await weightsOf(join(folder, name), first)).toMatchObject({
      error: { code, message: expect.stringContaining(message) },
    });
  });

  it.each([
    ['W10 a Lambda layer', 'refused-lambda.keras', '"double" (Lambda), which is program code'],
    ['a network with branches', 'refused-branch.keras', '"sum" (Add) reads "a" and "input_layer'],
  ])('%s', async (_title, name, message) => {
    const zip = unwrap(await openKerasZip(join(folder, name)));
    zip.discard();
    expect(readKerasConfig(zip.modelConfig, name)).toMatchObject({
      error: { code: 'M010', message: expect.stringContaining(message), help: expect.stringContaining('.onnx') },
    });
  });

  it('W10 a Lambda layer in an .h5 file', async () => {
    const file = unwrap(await openH5(join(folder, 'refused-lambda.h5')));
    await file.close();
    expect(readKerasConfig(file.contents.modelConfig ?? '', 'FILE')).toMatchObject({
      error: { message: expect.stringContaining('Lambda') },
    });
  });
});

describe('damaged files', () => {
  let temporary = '';
  beforeAll(() => {
    temporary = mkdtempSync(join(tmpdir(), 'keras-files-'));
  });
  afterAll(() => rmSync(temporary, { recursive: true, force: true }));

  it('W6 W9 end in a diagnostic wherever they are cut', async () => {
    const whole = readFileSync(join(folder, 'keras2.weights-only.h5'));
    for (const share of [0, 0.001, 0.3, 0.7, 0.999]) {
      const path = join(temporary, 'cut.h5');
      writeFileSync(path, whole.subarray(0, Math.floor(whole.length * share)));
      expect(await weightsOf(path, first), String(share)).toMatchObject({
        ok: false,
        error: { code: expect.stringMatching(/^M0(07|08|09|12)$/) },
      });
    }
  });

  it('W9 a reader that does not end in time is ended', async () => {
    expect(await openH5(join(folder, 'keras2.model.h5'), 'FILE', 1)).toMatchObject({
      error: { code: 'M012', message: 'FILE was not read within 0.001 s' },
    });
  });

  it.each([
    ['W14 a name that climbs out', { '../evil.sh': [1], 'config.json': [123] }, 'M009', 'points out of it'],
    ['W14 an absolute name', { '/etc/cron.d/x': [1] }, 'M009', 'points out of it'],
    ['W14 a name with backslashes', { '..\\evil': [1] }, 'M009', 'points out of it'],
    [
      'W14 a hundredfold expansion',
      { 'model.weights.h5': new Array<number>(5_000_000).fill(0), 'config.json': [123] },
      'M009',
      'claims to unpack to 5000000',
    ],
    ['W6 a zip without weights', { 'config.json': [123] }, 'M007', 'lacks model.weights.h5'],
  ])('%s', async (_title, members, code, message) => {
    const path = join(temporary, 'model.keras');
    writeFileSync(
      path,
      zipSync(Object.fromEntries(Object.entries(members).map(([name, bytes]) => [name, Uint8Array.from(bytes)]))),
    );
    expect(await openKerasZip(path, 'FILE')).toMatchObject({
      error: { code, message: expect.stringContaining(message) },
    });
  });

  it('W6 a .keras file that is no zip', async () => {
    expect(await openKerasZip(join(folder, 'expected.json'))).toMatchObject({ error: { code: 'M007' } });
  });
});

describe('genuine files', () => {
  const mobilenet = sharedPath('models/mobilenet_v1_0.25_224/mobilenet_2_5_224_tf_no_top.h5');
  const vgg = sharedPath('models/vgg16/vgg16_block1-2_PARTIAL_tf_dim_ordering_tf_kernels.h5');
  const options = { height: 224, width: 224, channels: 3, top: false, classes: 1000 };

  it.skipIf(!mobilenet)('the MobileNet file of Keras fits MobileNet (skipped where the file is missing)', async () => {
    const network = findArchitecture('mobilenet-v1')?.build({ ...options, alpha: 0.25 });
    const weights = unwrap(await weightsOf(mobilenet ?? '', network ?? first));
    expect([...weights.values()].reduce((sum, { data }) => sum + data.length, 0)).toBe(218_544);
  });

  it.skipIf(!vgg)(
    'a file with two blocks of VGG16 does for a cut behind them (skipped where the file is missing)',
    async () => {
      const network = findArchitecture('vgg16')?.build({ ...options, alpha: 1 }) ?? first;
      const weights = unwrap(await weightsOf(vgg ?? '', unwrap(cutNetwork(network, 'block2_pool'))));
      expect([...weights.values()].reduce((sum, { data }) => sum + data.length, 0)).toBe(260_160);
      expect(await weightsOf(vgg ?? '', network)).toMatchObject({
        error: {
          message: expect.stringContaining('no weights for the layer "block3_conv1" of vgg16, and 8 more'),
          help: expect.stringContaining('`layer: block2_pool`'),
        },
      });
    },
  );
});

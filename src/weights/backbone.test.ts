import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeKerasFile } from '../../test/keras-file.ts';
import { sharedPath } from '../../test/shared-data.ts';
import type { Engine } from '../engines/engine.ts';
import { ortAdapter } from '../engines/ort/ort-adapter.ts';
import { DiskFileDigests } from '../files/disk-file-digests.ts';
import { decodeNpy } from '../files/npy.ts';
import { prepare } from '../images/prepare.ts';
import type { PixelValues } from '../networks/architectures/architecture.ts';
import { findArchitecture } from '../networks/architectures/index.ts';
import { type Shape, sizeOf } from '../networks/network.ts';
import { loadBackbone, planBackbone } from './backbone.ts';
import type { BackboneChoice } from './backbone-choice.ts';
import { describeBackbone } from './describe-backbone.ts';
import { resolveBackbone } from './resolve-backbone.ts';

const vectors = fileURLToPath(new URL('../../test/vectors/', import.meta.url));
const keras = join(vectors, 'keras-files');
let home = '';
let engine: Engine;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'backbone-'));
  engine = unwrap(await ortAdapter.open({ threads: 1, device: 'cpu' }));
});
afterAll(async () => {
  await engine.close();
  rmSync(home, { recursive: true, force: true });
});

function unwrap<T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const plain: BackboneChoice = {
  backbone: { type: 'built-in', name: 'vgg16', alpha: 1 },
  weights: { type: 'imagenet' },
  top: false,
  layer: null,
  pooling: 'none',
};
const builtIn = (name: string, alpha = 1) => ({ type: 'built-in', name, alpha }) as const;
const modelFile = (file: string, layer: string | null = null): BackboneChoice => ({
  ...plain,
  backbone: { type: 'file', file, layout: null },
  weights: { type: 'included' },
  layer,
});

function resolve(choice: BackboneChoice) {
  const memo = new Map<string, Uint8Array>();
  const digests = new DiskFileDigests({ get: (key) => memo.get(key), set: (key, bytes) => memo.set(key, bytes) });
  return resolveBackbone(choice, { digests, home, resolvePath: (path) => path });
}

/** The features of images, all the way through the engine. */
async function features(choice: BackboneChoice, image: Shape, input: ArrayLike<number>) {
  const resolved = unwrap(await resolve(choice));
  const program = unwrap(await loadBackbone(resolved, image, { home, offline: true, environment: {} }));
  const rows = input.length / sizeOf(image);
  const session = unwrap(await engine.openForward(program, rows));
  const numbers = await session.run(Float32Array.from(input), rows);
  await session.close();
  const plan = unwrap(await planBackbone(resolved, image));
  expect(plan.outputShape).toEqual(session.outputShape);
  return { shape: session.outputShape, numbers };
}

/** A 224×224 PNG as a network wants it. */
async function pixelsOf(path: string, normalize: PixelValues, channels: 'rgb' | 'gray' = 'rgb'): Promise<Float32Array> {
  const into = new Float32Array(224 * 224 * (channels === 'gray' ? 1 : 3));
  const spec = {
    height: 224,
    width: 224,
    fit: 'fill',
    kernel: 'bilinear',
    channels,
    crop: null,
    normalize,
    augment: null,
    onBadImage: 'fail',
    decoder: 1,
  } as const;
  unwrap(await prepare({ kind: 'encoded', bytes: readFileSync(path), path }, spec, into, 0));
  return into;
}

function expectClose(got: ArrayLike<number>, wanted: readonly number[], tolerance: number) {
  wanted.forEach((value, i) => {
    expect(Math.abs((got[i] ?? Number.NaN) - value), `number ${i}`).toBeLessThanOrEqual(tolerance);
  });
}

describe('the identity of a backbone', () => {
  it('is the published hash, without a file', async () => {
    expect(unwrap(await resolve(plain))).toMatchObject({
      identity: {
        architecture: 'vgg16',
        alpha: 1,
        layer: 'block5_pool',
        pooling: 'none',
        weights: 'md5:6d6bbae143d832006294945121d1f1fc',
      },
      download: { bytes: 58_889_256 },
    });
  });

  it('is the same for the same layers, however they are asked for', async () => {
    const identity = async (choice: BackboneChoice) => unwrap(await resolve(choice)).identity;
    const usual = await identity(plain);
    expect(await identity({ ...plain, layer: 'block5_pool' })).toEqual(usual);
    expect(await identity({ ...plain, top: true, layer: 'block5_pool' })).toEqual(usual);
    expect(await identity({ ...plain, pooling: 'average' })).not.toEqual(usual);
    expect(await identity({ ...plain, layer: 'block4_pool' })).not.toEqual(usual);
    expect(await identity({ ...plain, weights: { type: 'random', init: null, seed: 0 } })).not.toEqual(usual);
    const fc2 = { ...plain, top: true, layer: 'fc2' };
    expect(await identity({ ...fc2, pooling: 'average' })).toEqual(await identity(fc2));
    expect(await identity(fc2)).toMatchObject({ weights: 'md5:64373286793e3c8b2b4e3219cbf3544b' });
  });

  it('of MobileNet is the name of its file, which Keras publishes without a hash', async () => {
    const choice = { ...plain, backbone: builtIn('mobilenet-v1', 0.25) };
    expect(unwrap(await resolve(choice)).identity).toMatchObject({
      alpha: 0.25,
      weights: 'keras:mobilenet_2_5_224_tf_no_top.h5',
    });
  });

  it.each([
    ['an unknown name', { ...plain, backbone: builtIn('vgg61') }, 'M004', /vgg16 or|"vgg16"/],
    ['an option it has not', { ...plain, backbone: builtIn('vgg16', 0.5) }, 'M005', /only mobilenet-v1/],
    [
      'a width without published weights',
      { ...plain, backbone: builtIn('mobilenet-v1', 0.3) },
      'M005',
      /alpha 1, 0.75, 0.5 and 0.25/,
    ],
    ['ImageNet weights of vgg-mini', { ...plain, backbone: builtIn('vgg-mini') }, 'M005', /leave `weights` out/],
    ['a layer it has not', { ...plain, layer: 'block5_conv9' }, 'M003', /block5_conv3 \[14, 14, 512\]/],
    ['a layer of the top without the top', { ...plain, layer: 'fc2' }, 'M003', /block5_pool \[7, 7, 512\]/],
    ['W6 a file that is not there', modelFile('nowhere.onnx'), 'M001', /path/],
    [
      'other weights for a model file',
      { ...modelFile('x.onnx'), weights: { type: 'imagenet' } },
      'M005',
      /leave `weights` out/,
    ],
  ] as const)('is refused for %s', async (_title, choice, code, help) => {
    expect(await resolve(choice)).toMatchObject({ error: { code, help: expect.stringMatching(help) } });
  });
});

describe('a plan', () => {
  const plan = async (choice: BackboneChoice, image: Shape) => planBackbone(unwrap(await resolve(choice)), image);

  it('has shape, cost and pixels without weights', async () => {
    expect(unwrap(await plan(plain, [224, 224, 3]))).toMatchObject({
      outputShape: [7, 7, 512],
      pixels: { reverse: true },
    });
    expect(unwrap(await plan({ ...plain, pooling: 'max' }, [96, 64, 3]))).toMatchObject({ outputShape: [512] });
    // Grey pixels lose the mean over the channels.
    expect(unwrap(await plan(plain, [64, 64, 1])).pixels?.mean[0]).toBeCloseTo((103.939 + 116.779 + 123.68) / 3, 10);
  });

  it('names what does not fit', async () => {
    expect(await plan(plain, [16, 16, 3])).toMatchObject({
      error: {
        code: 'M002',
        message: expect.stringContaining('layer "block5_pool" (max-pool) of vgg16 expects at least 2×2'),
      },
    });
    expect(await plan({ ...plain, top: true }, [96, 96, 3])).toMatchObject({
      error: { code: 'M013', help: expect.stringContaining('size: [224, 224]') },
    });
    expect(await plan(plain, [96, 96, 4])).toMatchObject({ error: { code: 'M013' } });
    expect(await plan(modelFile(join(keras, 'keras2.model.h5')), [12, 12, 3])).toMatchObject({
      error: {
        code: 'M013',
        message: expect.stringContaining('takes images of [12, 10, 3], but they are [12, 12, 3]'),
      },
    });
    expect(await plan(modelFile(join(vectors, 'onnx-files/small.onnx')), [12, 12, 3])).toMatchObject({
      error: { code: 'M013', message: expect.stringContaining('[8, 6, 3]') },
    });
    expect(await plan(modelFile(join(keras, 'keras2.weights-only.h5')), [12, 12, 3])).toMatchObject({
      error: { code: 'M010', message: expect.stringContaining('weights without an architecture') },
    });
  });
});

describe('model files, through the engine', () => {
  const expected: {
    readonly input: readonly number[];
    readonly shapes: Readonly<Record<string, readonly number[]>>;
    readonly outputs: Readonly<Record<string, readonly number[]>>;
  } = JSON.parse(readFileSync(join(keras, 'expected.json'), 'utf8'));

  it.each(
    Object.keys(expected.outputs).flatMap((layer) =>
      ['keras2.model.h5', 'keras3.functional.keras'].map((file) => [file, layer]),
    ),
  )('%s cut at %s gives what Keras gives', async (file, layer) => {
    const { shape, numbers } = await features(
      modelFile(join(keras, file ?? ''), layer ?? ''),
      [12, 10, 3],
      expected.input,
    );
    expect(shape).toEqual(expected.shapes[layer ?? '']);
    expectClose(numbers, expected.outputs[layer ?? ''] ?? [], 1e-5);
  });

  const onnx: {
    readonly input: readonly number[];
    readonly outputs: Readonly<
      Record<string, { readonly shape: readonly number[]; readonly numbers: readonly number[] }>
    >;
  } = JSON.parse(readFileSync(join(vectors, 'onnx-files/expected.json'), 'utf8'));

  it('an ONNX file that insists on one image at a time gets them one by one', async () => {
    const image = Array.from({ length: 288 }, (_, i) => Math.sin(i));
    const single = await features(modelFile(join(vectors, 'onnx-files/single.onnx')), [8, 6, 3], image);
    const small = await features(modelFile(join(vectors, 'onnx-files/small.onnx')), [8, 6, 3], image);
    expect(single.shape).toEqual([4]);
    expectClose(single.numbers, [...small.numbers], 1e-6);
  });

  it.each(Object.keys(onnx.outputs))('an ONNX file cut at %s gives its output, channels last', async (output) => {
    // The file's images are [3, 8, 6].
    const image = Array.from(
      { length: 2 * 8 * 6 * 3 },
      (_, i) => onnx.input[Math.floor(i / 144) * 144 + (i % 3) * 48 + Math.floor((i % 144) / 3)] ?? 0,
    );
    const { shape, numbers } = await features(
      modelFile(join(vectors, 'onnx-files/small.onnx'), output),
      [8, 6, 3],
      image,
    );
    const [channels = 0, height = 1, width = 1] = onnx.outputs[output]?.shape ?? [];
    expect(sizeOf(shape)).toBe(channels * height * width);
    const first = Array.from(
      { length: 20 },
      (_, i) => numbers[(i % (height * width)) * channels + Math.floor(i / (height * width))] ?? 0,
    );
    const wanted = (onnx.outputs[output]?.numbers ?? []).slice(0, sizeOf(shape));
    expectClose(first, wanted, 1e-5);
  });
});

describe('channels', () => {
  it('a network of grey images takes colours that are grey', async () => {
    const path = join(home, 'grey.h5');
    const network = findArchitecture('vgg-mini')?.build({
      height: 32,
      width: 32,
      channels: 1,
      top: false,
      classes: 10,
      alpha: 1,
    });
    if (!network) throw new Error('no vgg-mini');
    await writeKerasFile(path, network, 5);
    const choice: BackboneChoice = { ...plain, backbone: builtIn('vgg-mini'), weights: { type: 'file', file: path } };
    const grey = Float32Array.from({ length: 1024 }, (_, i) => ((i * 37) % 101) / 101);
    const one = await features(choice, [32, 32, 1], grey);
    const three = await features(
      choice,
      [32, 32, 3],
      Float32Array.from({ length: 3072 }, (_, i) => grey[Math.floor(i / 3)] ?? 0),
    );
    expect(one.shape).toEqual([4, 4, 64]);
    expectClose(three.numbers, [...one.numbers], 1e-5);
  });

  it('random weights are the same in every run, and of the wanted kind', async () => {
    const choice = (seed: number): BackboneChoice => ({
      ...plain,
      backbone: builtIn('vgg-mini'),
      weights: { type: 'random', init: 'he-normal', seed },
    });
    const input = new Float32Array(1024).fill(1);
    const [a, b, c] = await Promise.all([
      features(choice(1), [32, 32, 1], input),
      features(choice(1), [32, 32, 1], input),
      features(choice(2), [32, 32, 1], input),
    ]);
    expect(a?.numbers).toEqual(b?.numbers);
    expect(a?.numbers).not.toEqual(c?.numbers);
  });
});

describe('what is shown of a backbone', () => {
  it('is its layers, of built-in networks and of files', async () => {
    const vgg = unwrap(await describeBackbone('vgg16'));
    expect(vgg).toMatchObject({ parameters: 138_357_544, input: [224, 224, 3] });
    expect(vgg.layers.at(-2)).toMatchObject({ name: 'fc2', shape: '[4096]', parameters: 16_781_312 });
    expect(unwrap(await describeBackbone(join(keras, 'keras3.keras'))).layers[4]).toMatchObject({
      name: 'depth',
      type: 'depthwise-conv2d',
    });
    expect(unwrap(await describeBackbone(join(vectors, 'onnx-files/small.onnx'))).layers[3]).toMatchObject({
      name: 'pool1',
      type: 'MaxPool',
      shape: '[5, 4, 3]',
    });
    expect(await describeBackbone('nowhere.h5')).toMatchObject({ error: { code: 'M001' } });
    expect(await describeBackbone('mobilnet-v1')).toMatchObject({
      error: { code: 'M004', help: expect.stringContaining('did you mean "mobilenet-v1"?') },
    });
  });
});

describe('genuine weights', () => {
  const photo = sharedPath('datasets/photos/persian_cat.224.png');
  const vgg = sharedPath('models/vgg16/vgg16_block1-2_PARTIAL_tf_dim_ordering_tf_kernels.h5');
  const mobilenet = sharedPath('models/mobilenet_v1_0.25_224/mobilenet_2_5_224_tf_no_top.h5');
  const squeezenet = sharedPath('models/squeezenet1.1/squeezenet1.1_rebuilt.onnx');
  const pixelsFor = (name: string) =>
    findArchitecture(name)?.pixels ?? { scale: 1, mean: [0], std: [1], reverse: false };

  it.skipIf(!vgg || !photo).each(['block1_pool', 'block2_pool'] as const)(
    'blocks 1 and 2 of VGG16 give the published activations at %s (skipped where the data is missing)',
    async (layer) => {
      interface Reference {
        readonly shape: readonly number[];
        readonly published: Readonly<Record<string, readonly number[]>>;
      }
      const reference: Readonly<Record<'block1_pool' | 'block2_pool', Reference>> = JSON.parse(
        readFileSync(sharedPath('models/vgg16/persian_cat_reference_activations.json') ?? '', 'utf8'),
      );
      const { published, shape: wantedShape } = reference[layer];
      const choice: BackboneChoice = { ...plain, weights: { type: 'file', file: vgg ?? '' }, layer };
      const { shape, numbers } = await features(choice, [224, 224, 3], await pixelsOf(photo ?? '', pixelsFor('vgg16')));
      expect(shape).toEqual(wantedShape);
      const [, width = 0, channels = 0] = shape;
      for (const [place, values] of Object.entries(published)) {
        const [y = 0, x = 0] = place.split(',').map(Number);
        const at = (y * width + x) * channels;
        const got = [0, 1, 2, channels - 3, channels - 2, channels - 1].map((channel) => numbers[at + channel] ?? 0);
        expectClose(got, values, 0.003);
      }
    },
  );

  it.skipIf(!mobilenet || !photo)(
    'MobileNet gives the features of Keras for every photo (skipped where the data is missing)',
    async () => {
      const reference: {
        readonly photos: Readonly<
          Record<
            string,
            {
              readonly 'mobilenet_v1_0.25_224_notop_avgpool': {
                readonly first16: readonly number[];
                readonly mean: number;
                readonly l2: number;
              };
            }
          >
        >;
      } = JSON.parse(readFileSync(sharedPath('datasets/photos/reference-predictions.json') ?? '', 'utf8'));
      // One PNG has a colour profile other than sRGB, which our decoder applies and the reference did not.
      const names = Object.keys(reference.photos).filter((name) => !name.includes('bald_eagle'));
      expect(names).toHaveLength(8);
      const pixels = await Promise.all(
        names.map((name) =>
          pixelsOf(sharedPath(`datasets/photos/${name.replace('.jpg', '.224.png')}`) ?? '', pixelsFor('mobilenet-v1')),
        ),
      );
      const input = new Float32Array(pixels.length * 224 * 224 * 3);
      pixels.forEach((numbers, i) => {
        input.set(numbers, i * numbers.length);
      });
      const choice: BackboneChoice = {
        ...plain,
        backbone: builtIn('mobilenet-v1', 0.25),
        weights: { type: 'file', file: mobilenet ?? '' },
        pooling: 'average',
      };
      const { shape, numbers } = await features(choice, [224, 224, 3], input);
      expect(shape).toEqual([256]);
      names.forEach((name, i) => {
        const wanted = reference.photos[name]?.['mobilenet_v1_0.25_224_notop_avgpool'];
        const row = numbers.subarray(256 * i, 256 * (i + 1));
        expectClose(row, wanted?.first16 ?? [Number.NaN], 1e-4);
        expect(row.reduce((sum, value) => sum + value, 0) / 256).toBeCloseTo(wanted?.mean ?? 0, 4);
        expect(Math.sqrt(row.reduce((sum, value) => sum + value * value, 0))).toBeCloseTo(wanted?.l2 ?? 0, 3);
      });
    },
  );

  it.skipIf(!mobilenet || !photo)(
    'a grey image gives what it gives as a grey image of three channels (skipped where the data is missing)',
    async () => {
      const choice: BackboneChoice = {
        ...plain,
        backbone: builtIn('mobilenet-v1', 0.25),
        weights: { type: 'file', file: mobilenet ?? '' },
        pooling: 'average',
      };
      const grey = await pixelsOf(photo ?? '', { ...pixelsFor('mobilenet-v1'), mean: [1], std: [1] }, 'gray');
      const one = await features(choice, [224, 224, 1], grey);
      const three = await features(
        choice,
        [224, 224, 3],
        Float32Array.from({ length: 3 * grey.length }, (_, i) => grey[Math.floor(i / 3)] ?? 0),
      );
      expectClose(one.numbers, [...three.numbers], 1e-4);
    },
  );

  it.skipIf(!squeezenet)(
    'SqueezeNet gives the published vectors to 1e-5 of their size (skipped where the file is missing)',
    async () => {
      for (const set of [0, 1, 2]) {
        const read = (name: string) =>
          decodeNpy(readFileSync(sharedPath(`models/squeezenet1.1/test_data_set/${set}/${name}_0.npy`) ?? ''));
        const { numbers: nchw } = read('input');
        const places = 224 * 224;
        const input = Float32Array.from(
          { length: 3 * places },
          (_, i) => nchw[(i % 3) * places + Math.floor(i / 3)] ?? 0,
        );
        const { shape, numbers } = await features(modelFile(squeezenet ?? ''), [224, 224, 3], input);
        expect(shape).toEqual([1000]);
        const wanted = [...read('output').numbers];
        expectClose(numbers, wanted, 1e-5 * Math.max(...wanted.map(Math.abs)));
      }
    },
  );
});

import { readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StageRig } from '../../../test/stage-rig.ts';
import { digestOf } from '../../base/digest.ts';
import type { Json } from '../../base/json.ts';
import { ok } from '../../base/result.ts';
import type { ImageSource } from '../../data/image-source.ts';
import { type Row, RowTable } from '../../data/row-table.ts';
import { float32Of, readSafetensors } from '../../files/safetensors.ts';
import type { PixelSpec } from '../../images/pixel-spec.ts';
import { resolveBackbone } from '../../weights/resolve-backbone.ts';
import type { ImagesArtifact, ModelArtifact } from '../artifacts.ts';
import { fineTune } from './index.ts';
import { body } from './run.ts';

interface Vectors {
  readonly steps: number;
  readonly rows: number;
  readonly side: number;
  readonly frozen: number;
  readonly rate: number;
  readonly decay: number;
  readonly momentum: number;
  readonly pixels: readonly number[];
  readonly labels: readonly number[];
  readonly batch_norm: Readonly<
    Record<
      'frozen' | 'trained',
      { readonly losses: readonly number[]; readonly weights: Readonly<Record<string, readonly number[]>> }
    >
  >;
}

const folder = new URL('../../../test/vectors/keras-fine-tuning/', import.meta.url);
const vectors: Vectors = JSON.parse(readFileSync(new URL('vectors.json', folder), 'utf8'));
const file = fileURLToPath(new URL('narrow-vgg.keras', folder));
const { side, rows: count } = vectors;

let rig: StageRig;
beforeEach(() => {
  rig = new StageRig();
});
afterEach(() => rig[Symbol.dispose]());

const spec: PixelSpec = {
  height: side,
  width: side,
  fit: 'fill',
  kernel: 'bilinear',
  channels: 'rgb',
  crop: null,
  normalize: { scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1], reverse: false },
  augment: null,
  onBadImage: 'fail',
  decoder: 1,
};

class Noise implements ImageSource {
  reads = 0;

  async read(_part: string, name: string) {
    this.reads++;
    return ok({
      kind: 'raw',
      pixels: picture(Number(name)),
      height: side,
      width: side,
      channels: 3,
      path: name,
    } as const);
  }

  describe(_part: string, name: string): string {
    return name;
  }
}

function picture(row: number): Uint8Array {
  const size = side * side * 3;
  return Uint8Array.from(vectors.pixels.slice(row * size, (row + 1) * size));
}

async function noise(validation = 0): Promise<ImagesArtifact> {
  const rows = Array.from(
    { length: count },
    (_, i): Row => ({
      split: i < count - validation ? 'train' : 'validation',
      part: 'train',
      label: vectors.labels[i] ?? 0,
      key: Buffer.from(digestOf(picture(i)), 'hex'),
      name: String(i),
    }),
  );
  const table = RowTable.from(['a', 'b', 'c'], rows);
  return { type: 'images', classes: table.classes, rows: await rig.put(table), pixels: spec };
}

const { rate, decay, momentum } = vectors;
const keras = {
  backbone: file,
  freeze: { layers: vectors.frozen },
  optimizer: { sgd: { learningRate: rate, decay, momentum, nesterov: true } },
  init: 'zeros',
  epochs: vectors.steps,
  batch: count,
} as const;

type Asked = Parameters<StageRig['context']>[0];

async function outcomeOf(given: Json, more: Partial<Asked> = {}) {
  const params = fineTune.complete(given);
  const resolved = await resolveBackbone(params, {
    digests: { of: async (path) => ok(digestOf(readFileSync(path))) },
    home: rig.folder,
    resolvePath: (path) => path,
  });
  if (!resolved.ok) throw new Error(resolved.error.message);
  const data = more.inputs?.['data'] ?? (await noise());
  const context = rig.context({
    images: new Noise(),
    ...more,
    inputs: { data },
    resolved: { identity: null, backbone: resolved.value },
  });
  return body.run(params, context);
}

async function modelOf(given: Json, more: Partial<Asked> = {}): Promise<ModelArtifact> {
  const outcome = await outcomeOf(given, more);
  const model = outcome.ok ? outcome.value.artifacts['model'] : undefined;
  if (model?.type !== 'model') throw new Error(JSON.stringify(outcome));
  return model;
}

async function weightsOf(model: ModelArtifact): Promise<ReadonlyMap<string, Float32Array>> {
  const tensors = readSafetensors((await rig.cache.blobs.get(model.weights)) ?? new Uint8Array());
  if (!tensors.ok) throw new Error(tensors.error);
  return new Map([...tensors.value].map(([name, tensor]) => [name, float32Of(tensor)]));
}

describe('fine-tune', () => {
  it.each(['frozen', 'trained'] as const)(
    'follows the loss curve of Keras 3 to 1e-4 and leaves frozen layers as they are, batch norms %s',
    async (batchNorm) => {
      const model = await modelOf({ ...keras, batchNorm });
      const expected = vectors.batch_norm[batchNorm];
      expect(model.history).toHaveLength(vectors.steps);
      model.history.forEach(({ loss }, step) => {
        expect(Math.abs(loss - (expected.losses[step] ?? Number.NaN)), `loss of step ${step}`).toBeLessThan(1e-4);
      });
      const weights = await weightsOf(model);
      for (const [keras, ours] of Object.entries(expected.weights)) {
        const name = keras.replace('moving_', '');
        const mine = weights.get(name);
        if (!mine) throw new Error(`no ${name}`);
        if (name.startsWith('block1')) expect(mine).toEqual(Float32Array.from(ours));
        mine.forEach((number, at) => {
          expect(Math.abs(number - (ours[at] ?? Number.NaN)), `${name}[${at}]`).toBeLessThan(1e-4);
        });
      }
    },
  );

  it('gives the same bits whether the frozen layers are stored or not, and reads no image again where they are', async () => {
    const data = await noise(3);
    const given = { ...keras, epochs: 3, batch: 5, init: 'glorot-uniform', cacheFrozen: 'never' };
    const computed = await modelOf(given, { inputs: { data } });
    const stored = await modelOf({ ...given, cacheFrozen: 'always' }, { inputs: { data } });
    expect(stored).toEqual(computed);
    const images = new Noise();
    const other = { ...given, cacheFrozen: 'always', optimizer: 'adam' };
    const second = await modelOf(other, { inputs: { data }, images });
    expect(images.reads).toBe(0);
    expect(second.weights).not.toBe(stored.weights);
  });

  it('runs augmented images through the frozen layers in every epoch', async () => {
    const plain = await noise(3);
    const none = { shift: { height: 0, width: 0 }, rotate: 0, zoom: 0, shear: 0, contrast: 0, brightness: 0 };
    const augment = { ...none, flip: 'both', fill: 'nearest' } as const;
    const data: ImagesArtifact = { ...plain, pixels: { ...plain.pixels, augment } };
    const given = { ...keras, epochs: 3, batch: 5, init: 'glorot-uniform', cacheFrozen: 'always' };
    const images = new Noise();
    const augmented = await modelOf(given, { inputs: { data }, images });
    expect(images.reads).toBe(3 * count);
    expect(augmented.weights).not.toBe((await modelOf(given, { inputs: { data: plain } })).weights);
    expect(await modelOf({ ...given, cacheFrozen: 'never' }, { inputs: { data } })).toEqual(augmented);
  });

  it('makes damaged rows of the frozen layers again', async () => {
    const given = { ...keras, cacheFrozen: 'always', epochs: 2 };
    const whole = await modelOf(given);
    const rowsFolder = join(rig.folder, 'cache', 'rows');
    for (const name of readdirSync(rowsFolder, { recursive: true, encoding: 'utf8' })) {
      if (name.endsWith('.pack')) truncateSync(join(rowsFolder, name), 300);
    }
    const images = new Noise();
    expect(await modelOf(given, { images })).toEqual(whole);
    expect(images.reads).toBeGreaterThan(0);
  });

  it('trains the head alone during the warm-up', async () => {
    const given = { ...keras, warmup: 2, epochs: 1, optimizer: { sgd: { learningRate: 1e-12 } } };
    const model = await modelOf(given);
    const weights = await weightsOf(model);
    const start = await weightsOf(await modelOf({ ...given, warmup: 0 }));
    expect(weights.get('block2_conv2/kernel')).toEqual(start.get('block2_conv2/kernel'));
    expect(weights.get('logits/kernel')).not.toEqual(start.get('logits/kernel'));
  });

  it('scales the rate of pretrained layers', async () => {
    const still = await weightsOf(await modelOf({ ...keras, freeze: 'none', rates: { backbone: 1e-30, block2: 1 } }));
    const start = await weightsOf(await modelOf({ ...keras, freeze: { until: 'block2_pool' } }));
    expect(still.get('block1_conv1/kernel')).toEqual(start.get('block1_conv1/kernel'));
    expect(still.get('block2_conv1/kernel')).not.toEqual(start.get('block2_conv1/kernel'));
  });

  it('gives the same model when interrupted and resumed', async () => {
    const data = await noise(3);
    const given = {
      ...keras,
      init: 'he-normal',
      head: [{ dense: 4 }, { dropout: 0.2 }],
      batch: 4,
      warmup: 1,
      epochs: 3,
    };
    const whole = await modelOf(given, { inputs: { data } });
    const checkpoints = join(rig.folder, 'interrupted');
    const controller = new AbortController();
    let calls = 0;
    const progress = () => {
      if (++calls === 8) controller.abort();
    };
    const stopped = await outcomeOf(given, { inputs: { data }, checkpoints, signal: controller.signal, progress });
    expect(stopped).toEqual({ ok: false, error: { reason: 'interrupted' } });
    expect(await modelOf(given, { inputs: { data }, checkpoints })).toEqual(whole);
  });

  it.each([
    [{ freeze: { layers: 9 } }, 'S050', 'freeze asks for 9 layers, but narrow_vgg has 8 here'],
    [{ freeze: { blocks: 3 } }, 'S050', 'freeze asks for 3 blocks, but narrow_vgg has 2 blocks here'],
    [{ freeze: { until: 'block1_pol' } }, 'M003', 'narrow_vgg has no layer "block1_pol"'],
    [{ rates: { block1: 0.1 } }, 'S051', 'rates names "block1"'],
    [{ head: [{ 'max-pool': 9 }] }, 'M002', 'max_pool_1'],
  ])('refuses %j', async (wrong, code, message) => {
    const outcome = await outcomeOf({ ...keras, ...wrong });
    expect(outcome).toMatchObject({
      error: { diagnostics: [{ code, message: expect.stringContaining(message) }] },
    });
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StageRig } from '../../../test/stage-rig.ts';
import { problem } from '../../base/diagnostic.ts';
import { digestOf } from '../../base/digest.ts';
import type { Json } from '../../base/json.ts';
import { DrawStream } from '../../base/philox.ts';
import { err, ok } from '../../base/result.ts';
import type { ImageSource } from '../../data/image-source.ts';
import { type Row, RowTable } from '../../data/row-table.ts';
import type { PixelSpec } from '../../images/pixel-spec.ts';
import type { ImagesArtifact, ModelArtifact } from '../artifacts.ts';
import { evaluate } from '../evaluate/index.ts';
import { body as evaluateBody } from '../evaluate/run.ts';
import { trainNetwork } from './index.ts';
import { body } from './run.ts';

let rig: StageRig;
beforeEach(() => {
  rig = new StageRig();
});
afterEach(() => rig[Symbol.dispose]());

const SIDE = 8;
const pixels: PixelSpec = {
  height: SIDE,
  width: SIDE,
  fit: 'fill',
  kernel: 'bilinear',
  channels: 'gray',
  crop: null,
  normalize: 'backbone',
  augment: null,
  onBadImage: 'fail',
  decoder: 1,
};

/** Even numbers are pictures with bright rows, odd ones with bright columns; all with noise. */
function pictureOf(number: number): Uint8Array {
  const draws = new DrawStream(number, 'picture');
  const stripe = 2 + (number % 3);
  return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
    const line = number % 2 === 0 ? Math.floor(i / SIDE) : i % SIDE;
    return Math.min(255, (line === stripe ? 180 : 20) + 50 * draws.uniform());
  });
}

class Stripes implements ImageSource {
  reads = 0;
  readonly #bad: string | undefined;

  constructor(bad?: string) {
    this.#bad = bad;
  }

  async read(_part: string, name: string) {
    this.reads++;
    if (name === this.#bad) return err(problem('I001', `${name} is broken`));
    const pixelsOfName = pictureOf(Number.parseInt(name, 10));
    return ok({ kind: 'raw', pixels: pixelsOfName, height: SIDE, width: SIDE, channels: 1, path: name } as const);
  }

  describe(_part: string, name: string): string {
    return name;
  }
}

async function stripes(count: number, spec: PixelSpec = pixels): Promise<ImagesArtifact> {
  const rows = Array.from(
    { length: count },
    (_, i): Row => ({
      split: i % 5 === 4 ? 'validation' : 'train',
      part: 'train',
      label: i % 2,
      key: Buffer.from(digestOf(pictureOf(i)), 'hex'),
      name: `${i}.png`,
    }),
  );
  const table = RowTable.from(['rows', 'columns'], rows);
  return { type: 'images', classes: table.classes, rows: await rig.put(table), pixels: spec };
}

async function modelOf(
  given: Json,
  data: ImagesArtifact,
  images: ImageSource,
  more: Partial<Parameters<StageRig['context']>[0]> = {},
): Promise<ModelArtifact> {
  const outcome = await body.run(trainNetwork.complete(given), rig.context({ inputs: { data }, images, ...more }));
  const model = outcome.ok ? outcome.value.artifacts['model'] : undefined;
  if (model?.type !== 'model') throw new Error(JSON.stringify(outcome));
  return model;
}

const small: Json = {
  layers: [
    { conv2d: { filters: 4, size: 3, activation: 'relu' } },
    { 'max-pool': 2 },
    'flatten',
    { dense: { units: 8, activation: 'relu' } },
  ],
  epochs: 8,
  batch: 8,
  optimizer: { adam: { learningRate: 0.02 } },
};

describe('train-network', () => {
  it('learns from images, decodes small ones once, and the model scores images', async () => {
    const images = new Stripes();
    const data = await stripes(40);
    const model = await modelOf(small, data, images);
    expect(model.history.at(-1)?.['validation-accuracy']).toBe(1);
    expect(images.reads).toBe(40);
    expect(model.reads).toMatchObject({ type: 'images', pixels: { normalize: { scale: 1 / 255 } } });
    const scored = await evaluateBody.run(evaluate.complete({}), rig.context({ inputs: { model, data }, images }));
    expect(scored).toMatchObject({ ok: true, value: { artifacts: { metrics: { values: { accuracy: 1 } } } } });
  });

  it('gives the same model when interrupted and resumed', async () => {
    const data = await stripes(30);
    const whole = await modelOf(small, data, new Stripes());
    const controller = new AbortController();
    const checkpoints = `${rig.folder}/interrupted`;
    let calls = 0;
    const progress = () => {
      if (++calls === 7) controller.abort();
    };
    const stopped = await body.run(
      trainNetwork.complete(small),
      rig.context({ inputs: { data }, images: new Stripes(), checkpoints, signal: controller.signal, progress }),
    );
    expect(stopped).toEqual({ ok: false, error: { reason: 'interrupted' } });
    expect(await modelOf(small, data, new Stripes(), { checkpoints })).toEqual(whole);
  });

  it('augments what it learns from, not what it is scored on, and resumes to the same bits', async () => {
    const none = { flip: 'none', rotate: 0, zoom: 0, shear: 0, contrast: 0, brightness: 0, fill: 'black' } as const;
    const augment = { ...none, shift: { height: 0.1, width: 0.1 }, brightness: 0.1 };
    const plain = await stripes(30);
    const data: ImagesArtifact = { ...plain, pixels: { ...plain.pixels, augment } };
    const whole = await modelOf(small, data, new Stripes());
    expect(whole.weights).not.toBe((await modelOf(small, plain, new Stripes())).weights);
    const controller = new AbortController();
    const checkpoints = `${rig.folder}/augmented`;
    let calls = 0;
    const progress = () => {
      if (++calls === 7) controller.abort();
    };
    const stopped = await body.run(
      trainNetwork.complete(small),
      rig.context({ inputs: { data }, images: new Stripes(), checkpoints, signal: controller.signal, progress }),
    );
    expect(stopped).toEqual({ ok: false, error: { reason: 'interrupted' } });
    expect(await modelOf(small, data, new Stripes(), { checkpoints })).toEqual(whole);
    const loss = whole.history.at(-1)?.['validation-loss'] ?? Number.NaN;
    for (const scored of [data, plain]) {
      const inputs = { model: whole, data: scored };
      const outcome = await evaluateBody.run(evaluate.complete({}), rig.context({ inputs, images: new Stripes() }));
      const metrics = outcome.ok ? outcome.value.artifacts['metrics'] : undefined;
      if (metrics?.type !== 'metrics') throw new Error(JSON.stringify(outcome));
      expect(Math.abs((metrics.values['log-loss'] ?? Number.NaN) - loss)).toBeLessThan(1e-6);
    }
  });

  it('leaves bad images out where it may, and names them once', async () => {
    const data = await stripes(20, { ...pixels, onBadImage: 'skip' });
    const model = await modelOf({ ...Object(small), epochs: 3 }, data, new Stripes('3.png'));
    expect(model.history).toHaveLength(3);
    expect(rig.warnings).toMatchObject([{ code: 'I001', message: '3.png is broken' }]);
    const strict = await stripes(20);
    const refused = await body.run(
      trainNetwork.complete(small),
      rig.context({ inputs: { data: strict }, images: new Stripes('3.png') }),
    );
    expect(refused).toMatchObject({ error: { diagnostics: [{ code: 'I001', message: '3.png is broken' }] } });
  });

  it.each(['mobilenet-v1', 'vgg-mini'])('takes the architecture of %s with its own top', async (architecture) => {
    const model = await modelOf(
      {
        architecture: architecture === 'mobilenet-v1' ? { 'mobilenet-v1': { alpha: 0.125 } } : architecture,
        epochs: 1,
        batch: 4,
      },
      await stripes(6, { ...pixels, height: 32, width: 32 }),
      new Stripes(),
    );
    const last = model.network.layers.at(-1);
    expect(last?.type === 'dense' ? last.activation : last?.type).toMatch(/linear|reshape/);
    expect(model.history).toHaveLength(1);
  });

  it('puts layers in the place of the top', async () => {
    const model = await modelOf(
      { architecture: 'vgg-mini', layers: ['global-average-pool'], epochs: 1 },
      await stripes(6),
      new Stripes(),
    );
    expect(model.network.layers.slice(-3).map(({ name }) => name)).toEqual([
      'block3_pool',
      'global_average_pool_1',
      'logits',
    ]);
  });

  it('says which layer does not fit the images', async () => {
    const outcome = await body.run(
      trainNetwork.complete({ layers: [{ 'max-pool': 4 }, { 'max-pool': 4 }] }),
      rig.context({ inputs: { data: await stripes(6) }, images: new Stripes() }),
    );
    expect(outcome).toMatchObject({
      error: { diagnostics: [{ code: 'M002', message: expect.stringContaining('max_pool_2') }] },
    });
  });
});

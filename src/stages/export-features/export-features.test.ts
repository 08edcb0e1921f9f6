import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clusteredRows, StageRig } from '../../../test/stage-rig.ts';
import type { Json } from '../../base/json.ts';
import { decodeNpy } from '../../files/npy.ts';
import { float32Of, readSafetensors } from '../../files/safetensors.ts';
import type { FeaturesArtifact } from '../artifacts.ts';
import { exportFeatures } from './index.ts';
import { body } from './run.ts';

let rig: StageRig;
let data: FeaturesArtifact;
let numbers: Float32Array;

beforeEach(async () => {
  rig = new StageRig();
  const made = clusteredRows({ train: 5, validation: 3, test: 2, width: 8 });
  numbers = made.numbers;
  data = await rig.features(made.table, [2, 2, 2], numbers);
});
afterEach(() => rig[Symbol.dispose]());

/** Paths of the files that were made, by name. */
async function exported(given: Json): Promise<Record<string, string>> {
  const outcome = await body.run(exportFeatures.complete(given), rig.context({ inputs: { data } }));
  const files = outcome.ok ? outcome.value.artifacts['files'] : undefined;
  if (files?.type !== 'files') throw new Error(JSON.stringify(outcome));
  return Object.fromEntries(files.outputs.map(({ name, blob }) => [name, rig.cache.blobs.path(blob)]));
}

const names = [
  'train/0',
  'train/1',
  'train/2',
  'train/3',
  'train/4',
  'validation/0',
  'validation/1',
  'validation/2',
  'test/0',
  'test/1',
];

describe('export-features', () => {
  it('writes .npy and the rows in the same order', async () => {
    const files = await exported({});
    expect(decodeNpy(readFileSync(files['features.npy'] ?? ''))).toEqual({ shape: [10, 2, 2, 2], numbers });
    const lines = readFileSync(files['features.csv'] ?? '', 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines[0]).toBe('name,split,label');
    expect(lines[2]).toBe('train/1.png,train,class 1');
    expect(lines[9]).toBe('test/0.png,test,');
    expect(lines.slice(1).map((line) => line.split('.')[0])).toEqual(names);
  });

  it('writes one split as safetensors', async () => {
    const files = await exported({ format: 'safetensors', on: 'validation' });
    const read = readSafetensors(readFileSync(files['features.safetensors'] ?? ''));
    const tensor = read.ok ? read.value.get('features') : undefined;
    expect(tensor?.shape).toEqual([3, 2, 2, 2]);
    expect(tensor && float32Of(tensor)).toEqual(numbers.slice(5 * 8, 8 * 8));
  });

  it('writes parquet', async () => {
    const files = await exported({ format: 'parquet' });
    expect(Object.keys(files)).toEqual(['features.parquet']);
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(files['features.parquet'] ?? '') });
    expect(rows.map((row) => row['name'])).toEqual(names.map((name) => `${name}.png`));
    expect(rows[8]).toMatchObject({ split: 'test', label: null });
    expect(rows[3]?.['features']).toEqual([...numbers.subarray(24, 32)]);
  });

  it('puts both files where the params say', () => {
    const params = exportFeatures.complete({ file: 'out/vgg' });
    expect(exportFeatures.outputPath?.(params, 'features.npy')).toBe(join('out', 'vgg.npy'));
    expect(exportFeatures.outputPath?.(params, 'features.csv')).toBe(join('out', 'vgg.csv'));
  });

  it('refuses a split without rows', async () => {
    const { table } = clusteredRows({ train: 3, width: 8 });
    const only = { ...data, rows: await rig.put(table) };
    const outcome = await body.run(exportFeatures.complete({ on: 'test' }), rig.context({ inputs: { data: only } }));
    expect(outcome).toMatchObject({ error: { diagnostics: [{ code: 'S021' }] } });
  });

  it('asks for the extraction again when rows are missing', async () => {
    const { table } = clusteredRows({ train: 9, width: 8 });
    const outcome = await body.run(
      exportFeatures.complete({}),
      rig.context({ inputs: { data: { ...data, rows: await rig.put(table) } } }),
    );
    expect(outcome).toMatchObject({ error: { reason: 'damaged-input', port: 'data' } });
  });
});

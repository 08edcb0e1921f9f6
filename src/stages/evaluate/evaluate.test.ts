import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clusteredRows, StageRig } from '../../../test/stage-rig.ts';
import type { Json } from '../../base/json.ts';
import { type Row, RowTable } from '../../data/row-table.ts';
import { csvCell, escapeFormula, shortestFloat32, unescapeFormula } from '../../files/csv-cell.ts';
import { decodeNpy } from '../../files/npy.ts';
import type { FeaturesArtifact, MetricsArtifact, ModelArtifact, PredictionsArtifact } from '../artifacts.ts';
import { predict } from '../predict/index.ts';
import { body as predictBody } from '../predict/run.ts';
import { trainHead } from '../train-head/index.ts';
import { body as trainBody } from '../train-head/run.ts';
import { evaluate } from './index.ts';
import { body as evaluateBody } from './run.ts';

let rig: StageRig;
let data: FeaturesArtifact;
let model: ModelArtifact;

beforeEach(async () => {
  rig = new StageRig();
  const { table, numbers, shape } = clusteredRows({ train: 30, validation: 15, test: 6, noise: 1 });
  data = await rig.features(table, shape, numbers);
  model = await trained({ epochs: 10, batch: 8, optimizer: { adam: { learningRate: 0.05 } } });
});
afterEach(() => rig[Symbol.dispose]());

async function trained(given: Json): Promise<ModelArtifact> {
  const outcome = await trainBody.run(trainHead.complete(given), rig.context({ inputs: { data } }));
  const artifact = outcome.ok ? outcome.value.artifacts['model'] : undefined;
  if (artifact?.type !== 'model') throw new Error(JSON.stringify(outcome));
  return artifact;
}

async function predicted(
  given: Json,
  inputs: { model: ModelArtifact; data: FeaturesArtifact } = { model, data },
): Promise<PredictionsArtifact> {
  const outcome = await predictBody.run(predict.complete(given), rig.context({ inputs }));
  const artifact = outcome.ok ? outcome.value.artifacts['predictions'] : undefined;
  if (artifact?.type !== 'predictions') throw new Error(JSON.stringify(outcome));
  return artifact;
}

function evaluated(given: Json, inputs: Parameters<StageRig['context']>[0]['inputs'] = { model, data }) {
  return evaluateBody.run(evaluate.complete(given), rig.context({ inputs }));
}

async function metricsOf(given: Json, inputs?: Parameters<StageRig['context']>[0]['inputs']): Promise<MetricsArtifact> {
  const outcome = await evaluated(given, inputs);
  const artifact = outcome.ok ? outcome.value.artifacts['metrics'] : undefined;
  if (artifact?.type !== 'metrics') throw new Error(JSON.stringify(outcome));
  return artifact;
}

function csvOf(predictions: PredictionsArtifact): string[] {
  return readFileSync(rig.cache.blobs.path(predictions.outputs[0]?.blob ?? predictions.rows), 'utf8')
    .trimEnd()
    .split('\n');
}

describe('predict', () => {
  it("writes filename,label in the test file's order", async () => {
    const predictions = await predicted({});
    const lines = csvOf(predictions);
    expect(lines[0]).toBe('filename,label');
    expect(lines.slice(1).map((line) => line.split(',')[0])).toEqual([0, 1, 2, 3, 4, 5].map((i) => `test/${i}.png`));
    expect(lines.slice(1).every((line) => /,class [012]$/.test(line))).toBe(true);
  });

  it('adds a column a class, equal to the stored probabilities', async () => {
    const predictions = await predicted({ on: 'all', probabilities: true });
    const [heading, ...lines] = csvOf(predictions);
    expect(heading).toBe('filename,label,p:class 0,p:class 1,p:class 2');
    const { shape, numbers } = decodeNpy(readFileSync(rig.cache.blobs.path(predictions.probabilities)));
    expect(shape).toEqual([51, 3]);
    expect(
      lines.flatMap((line) =>
        line
          .split(',')
          .slice(2)
          .map((cell) => Math.fround(Number(cell))),
      ),
    ).toEqual([...numbers]);
    for (let row = 0; row < 51; row++)
      expect(numbers.subarray(row * 3, row * 3 + 3).reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  });

  it('D18 keeps spreadsheets from taking names and labels for formulas, and reads every text back', async () => {
    const rows: Row[] = [{ split: 'test', part: 'test', label: -1, key: Buffer.alloc(32, 1), name: '=cmd|x,"y".png' }];
    const table = RowTable.from(['+1', '@a', '-'], rows);
    const own = await rig.features(table, [4], new Float32Array(4));
    const predictions = await predicted(
      {},
      { model: { ...model, classes: table.classes, reads: { type: 'features', source: own.source } }, data: own },
    );
    expect(csvOf(predictions)[1]).toMatch(/^"'=cmd\|x,""y"".png",'[+@-]1?a?$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^'*[=+\-@\t\r'].{0,3}$/)), (text) => {
        expect(unescapeFormula(escapeFormula(text))).toBe(text);
        expect(csvCell(text)).not.toMatch(/^"?[=+\-@\t\r]/);
      }),
    );
  });

  it('prints float32 numbers with no more digits than they need', () => {
    fc.assert(
      fc.property(fc.float({ min: 0, max: 1, noNaN: true }), (number) => {
        expect(Math.fround(Number(shortestFloat32(number)))).toBe(number);
      }),
    );
    expect(shortestFloat32(Math.fround(0.1))).toBe('0.1');
  });
});

describe('evaluate', () => {
  it('scores the validation split beside the baseline', async () => {
    const { values, details } = await metricsOf({ metrics: ['top-k', 'brier'], topK: 2 });
    expect(Object.keys(values)).toEqual([
      'log-loss',
      'accuracy',
      'baseline-accuracy',
      'baseline-log-loss',
      'top-2',
      'brier',
    ]);
    expect(values['baseline-accuracy']).toBeCloseTo(1 / 3, 12);
    expect(values['baseline-log-loss']).toBeCloseTo(Math.log(3), 12);
    expect(values['accuracy']).toBeGreaterThan(0.5);
    expect(details).toMatchObject({ rows: 15, 'baseline-class': 'class 0' });
    const last = model.history.at(-1);
    expect(values['log-loss']).toBeCloseTo(last?.['validation-loss'] ?? 0, 6);
    expect(values['accuracy']).toBe(last?.['validation-accuracy']);
  });

  it('gives the same figures from predictions as from the model', async () => {
    const fromModel = await metricsOf({ on: 'validation', metrics: ['calibration-error', 'per-class'] });
    const fromPredictions = await metricsOf(
      { metrics: ['calibration-error', 'per-class'] },
      { data: await predicted({ on: 'validation' }) },
    );
    for (const [name, value] of Object.entries(fromModel.values)) {
      if (!name.startsWith('baseline')) expect(fromPredictions.values[name]).toBeCloseTo(value, 12);
    }
  });

  it('names the worst mistakes, the worst first', async () => {
    const { details } = await metricsOf({ on: 'all', mistakes: 3 });
    const mistakes = details['worst-mistakes'];
    if (!Array.isArray(mistakes)) throw new Error('no mistakes');
    expect(mistakes).toHaveLength(3);
    const losses = mistakes.map(({ loss }) => loss);
    expect(losses).toEqual([...losses].sort((a, b) => b - a));
    expect(mistakes[0]).toMatchObject({
      name: expect.stringMatching(/png$/),
      label: expect.any(String),
      predicted: expect.any(String),
    });
  });

  it('does not depend on the order of the rows', async () => {
    const table = RowTable.decode((await rig.cache.blobs.get(data.rows)) ?? new Uint8Array());
    const reversed = {
      ...data,
      rows: await rig.put(table.select(Array.from({ length: table.count }, (_, i) => table.count - 1 - i))),
    };
    expect(await metricsOf({ on: 'all' }, { model, data: reversed })).toEqual(await metricsOf({ on: 'all' }));
  });

  it('fails on a broken assert with the metrics kept, and names each bound', async () => {
    const kept = await evaluated({ assert: { 'log-loss': '< 0.000001', accuracy: '>= 0' } });
    if (kept.ok || kept.error.reason !== 'diagnostics') throw new Error('it did not fail');
    expect(kept.error.diagnostics).toMatchObject([
      { code: 'S020', message: expect.stringMatching(/^log-loss is [\d.]+, not < 0.000001$/) },
    ]);
    expect(kept.error.outcome?.artifacts['metrics']).toEqual(await metricsOf({ assert: { accuracy: '> 0.1' } }));
  });

  it('refuses an assert on a metric that it does not give', async () => {
    expect(await evaluated({ assert: { logloss: '< 1' } })).toMatchObject({
      error: { diagnostics: [{ code: 'S024', help: expect.stringContaining('log-loss') }] },
    });
  });

  it('calls out a model below the baseline', async () => {
    const bad = await trained({ epochs: 1, optimizer: { sgd: { learningRate: 1e-9 } }, init: 'zeros' });
    const table = RowTable.decode((await rig.cache.blobs.get(data.rows)) ?? new Uint8Array());
    // Zero weights say class 0 always; the commonest class of these rows is another.
    const rows = [...Array(30).keys()].filter((row) => row % 3 !== 0 || row < 3);
    const uneven = { ...data, rows: await rig.put(table.select(rows)) };
    await metricsOf({ on: 'train' }, { model: bad, data: uneven });
    expect(rig.warnings).toMatchObject([
      { code: 'S022', severity: 'warning', message: expect.stringContaining('"class 1"') },
    ]);
  });

  it('says what is labelled when the rows asked for are not', async () => {
    expect(await evaluated({ on: 'test' })).toMatchObject({
      error: {
        diagnostics: [
          {
            code: 'S021',
            message: 'none of the 6 test rows has a label',
            help: expect.stringContaining('15 of 15 validation rows'),
          },
        ],
      },
    });
  });

  it('asks for a model where the data are no predictions', async () => {
    expect(await evaluated({}, { data })).toMatchObject({ error: { diagnostics: [{ code: 'S025' }] } });
  });

  it('refuses features and classes that the model was not trained on, and says how they differ', async () => {
    expect(await evaluated({}, { model, data: { ...data, source: { ...data.source, shape: [2, 2] } } })).toMatchObject({
      error: {
        diagnostics: [{ code: 'S023', help: expect.stringContaining('shape is [4] there and [2,2] here') }],
      },
    });
    expect(await evaluated({}, { model, data: { ...data, classes: ['class 0', 'class 1', 'cat'] } })).toMatchObject({
      error: { diagnostics: [{ code: 'S023', message: expect.stringContaining('"cat"') }] },
    });
  });

  it('asks for the training again when the weights are damaged', async () => {
    const gone = { ...model, weights: data.space };
    expect(await evaluated({}, { model: gone, data })).toMatchObject({
      error: { reason: 'damaged-input', port: 'model' },
    });
  });
});

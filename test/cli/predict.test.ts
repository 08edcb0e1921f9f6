/** `pipe predict`, as a process: the same answers as the pipeline's own predictions, whatever way the model is named. */
import { copyFileSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliRig, finished } from '../cli-rig.ts';

let rig: CliRig;
let expected: readonly string[];

beforeAll(async () => {
  rig = CliRig.quickstart();
  expect((await rig.run('run', 'quickstart')).code).toBe(0);
  expected = rig.read('results/quickstart/predictions.csv').trimEnd().split('\n');
});
afterAll(() => rig[Symbol.dispose]());

const TEST_CSV = 'data-examples/digits/test.csv';
const TEST_IMAGES = 'data-examples/digits/images/test';
const first = `${TEST_IMAGES}/0300.png`;

/** The two columns of the submission out of a longer CSV. */
const answers = (csv: string) =>
  csv
    .trimEnd()
    .split('\n')
    .map((line) => line.split(',').slice(0, 2).join(','));

describe('pipe predict', () => {
  it('gives what the predict stage gave, from the cached rows', async () => {
    const { code, stdout } = await rig.run('predict', 'quickstart', TEST_CSV, '--images', TEST_IMAGES, '--csv');
    expect(code).toBe(0);
    expect(answers(stdout)).toEqual(expected);
  });

  it('computes images that it has never seen, and finds them again as rows', async () => {
    rig.write('new/a.png', Buffer.concat([readFileSync(rig.path(first)), Buffer.from('x')]));
    const json = async () => JSON.parse((await rig.run('predict', '@last#head', 'new', '--json', '--top', '2')).stdout);
    const once = await json();
    expect(once.predictions).toHaveLength(1);
    expect(once.predictions[0]).toMatchObject({ file: 'new/a.png', label: expected[1]?.split(',')[1] });
    expect(once.predictions[0].top).toHaveLength(2);
    expect(await json()).toEqual(once);
  });

  it('reads a list from stdin', async () => {
    const child = rig.start(['predict', 'quickstart#head', '-', '--csv'], {}, `${first}\n${TEST_IMAGES}/0301.png\n`);
    const { stdout, code } = await finished(child);
    expect(code).toBe(0);
    expect(answers(stdout).map((line) => line.replace(`${TEST_IMAGES}/`, ''))).toEqual(expected.slice(0, 3));
  });

  it('reports bad images, answers the others, and ends with 4 (D3, D5)', async () => {
    rig.write('bad.jpg', 'no image');
    copyFileSync(rig.path(first), rig.path('good.png'));
    const { code, stdout, stderr } = await rig.run('predict', 'quickstart', 'bad.jpg', 'good.png', 'gone.png', '--csv');
    expect(code).toBe(4);
    expect(answers(stdout)).toEqual(['filename,label', `good.png,${expected[1]?.split(',')[1]}`]);
    expect(stderr).toContain('D001');
    expect(stderr).toContain('bad.jpg');
    expect(stderr).toContain('2 of 3 images were left out');
  });

  it('asks an exported model, by its folder or its file, and gets the same answers', async () => {
    rig.write(
      'pipelines/exports.yaml',
      `extends: quickstart.yaml
pipeline: exports
stages:
  onnx: { kind: export-model, from: { model: head, metrics: score } }
  h5: { kind: export-model, from: head, with: { format: keras-h5, folder: ../exported/h5 } }
  bare: { kind: export-model, from: head, with: { withBackbone: false, folder: bare } }
`,
    );
    expect((await rig.run('run', 'exports')).code).toBe(0);
    const ask = async (model: string) => {
      const { code, stdout } = await rig.run('predict', model, TEST_IMAGES, '--csv');
      expect(code, model).toBe(0);
      return stdout.trimEnd().split('\n').slice(1);
    };
    const trained = await ask('exports#head');
    for (const model of ['results/exports/model-onnx', 'exported/h5/model.h5']) {
      const given = await ask(model);
      expect(answers(given.join('\n'))).toEqual(answers(trained.join('\n')));
      given.forEach((line, i) => {
        const [ours, theirs] = [trained[i], line].map((row) => Number(row?.split(',')[2]));
        expect(Math.abs((ours ?? 0) - (theirs ?? 1)), line).toBeLessThan(1e-5);
      });
    }
    const bare = await rig.run('predict', 'results/exports/bare', first);
    expect(bare.code).toBe(4);
    expect(bare.stderr).toContain('S072');
    expect(JSON.parse(rig.read('results/exports/model-onnx/model.json')).metrics).toHaveProperty('log-loss');
  });

  it.each([
    ['an unknown model', ['predict', 'nothing', 'x.png'], 2, 'U010'],
    ['an unknown stage', ['predict', 'quickstart#hed', 'x.png'], 2, 'did you mean "head"'],
    ['a model that was never trained', ['predict', 'quickstart', 'x.png', '--set', 'head.epochs=3'], 4, 'U011'],
    ['a wrong --top', ['predict', 'quickstart', 'x.png', '--top', '0'], 2, 'U001'],
  ])('refuses %s', async (_, args, code, words) => {
    const done = await rig.run(...args);
    expect(done.code).toBe(code);
    expect(done.stderr).toContain(words);
  });

  it('quantises the network as the training of an int8 model did, for images never seen too', async () => {
    const eight = ['--set', 'features.precision=int8'];
    expect((await rig.run('run', 'quickstart', ...eight)).code).toBe(0);
    const given = rig.read('results/quickstart/predictions.csv').trimEnd().split('\n');
    const ask = async (...what: string[]) => {
      const { code, stdout } = await rig.run('predict', 'quickstart', ...what, ...eight, '--csv', '--probabilities');
      expect(code).toBe(0);
      return stdout.trimEnd().split('\n');
    };
    expect(answers((await ask(TEST_CSV, '--images', TEST_IMAGES)).join('\n'))).toEqual(given);
    rig.write('other/a.png', Buffer.concat([readFileSync(rig.path(first)), Buffer.from('y')]));
    const numbers = (lines: readonly string[]) => lines[1]?.split(',').slice(1);
    expect(numbers(await ask('other/a.png'))).toEqual(numbers(await ask(first)));
  });
});

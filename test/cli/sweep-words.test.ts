/** What a sweep says and refuses, and the files that it writes, through the front door. */
import { describe, expect, it } from 'vitest';
import { CliRig } from '../cli-rig.ts';

/** The quickstart with a block of its own at the end. */
function rigWith(block: string): CliRig {
  const rig = CliRig.quickstart();
  rig.write('pipelines/quickstart.yaml', `${rig.read('pipelines/quickstart.yaml')}${block}\n`);
  return rig;
}

const two = ['--over', 'head.epochs=1,2'];

describe('wrong usage of pipe sweep', () => {
  it.each<[readonly string[], number, string]>([
    [[...two, '--goal', 'maximise:score.accuracy'], 2, 'is not DIRECTION:STAGE.METRIC'],
    [[...two, '--goal', 'score.accuracy'], 2, 'is not DIRECTION:STAGE.METRIC'],
    [[...two, '--goal', 'minimize:score'], 3, 'which metric of score?'],
    [[...two, '--goal', 'minimize:scor.log-loss'], 3, 'did you mean "score"?'],
    [[...two, '--goal', 'minimize:head.log-loss'], 3, 'head (train-head) gives no metrics'],
    [[...two, '--goal', 'maximize:score.acuracy'], 3, 'did you mean "accuracy"?'],
    [[...two, '--goal', 'maximize:score.top-5'], 3, 'gives no metric "top-5"'],
    [[...two, '--trials', 'many'], 2, '--trials takes a whole number'],
    [[...two, '--trials', '0'], 2, '--trials takes a whole number'],
    [[...two, '--jobs', 'x'], 2, '--jobs takes a whole number'],
    [[...two, '--over', 'head.epochs=3'], 2, '--over names head.epochs twice'],
    [[...two, '--over', 'head.batch=8,16,32', '--strategy', 'zip'], 3, 'head.batch with 3, head.epochs with 2'],
    [[...two, '--strategy', 'halving'], 3, 'cannot be swept over too'],
    [['--over', 'head.epochs=1,,2'], 2, 'the values cannot be read'],
    [['--over', 'submission.file=a,b'], 3, '"submission.file" changes nothing about score.log-loss'],
    [['--over', 'head=1,2'], 3, 'which setting of the stage?'],
    [[...two, '--export', 'csv'], 2, '--export needs --out'],
    [[...two, '--out', 'trials.txt'], 2, 'in which format?'],
  ])('%j', async (args, code, message) => {
    using rig = CliRig.quickstart();
    const done = await rig.run('sweep', 'quickstart', ...args);
    expect(done.stderr).toContain(message);
    expect(done.code).toBe(code);
    // Nothing ran before it was refused.
    expect((await rig.run('sweep', 'show')).code).toBe(2);
    expect(done.stdout).toBe('');
  });

  it.each([
    ['sweep: { over: { head.epochs: [1, 0] } }', 'pipelines/quickstart.yaml:29:31'],
    ['sweep: { over: { head.epochs: [1, 2] }, goal: { minimize: score.logloss } }', 'pipelines/quickstart.yaml:29:59'],
    ['sweep: { over: { head.epochs: [1, 2] }, goal: { minimize: head.loss } }', 'pipelines/quickstart.yaml:29:47'],
    [
      'sweep: { over: { head.batch: [1, 2] }, strategy: halving, halving: { least: 9, most: 4 } }',
      'pipelines/quickstart.yaml:29:',
    ],
  ])('%s is refused with its place', async (block, place) => {
    using rig = rigWith(block);
    const done = await rig.run('sweep', 'quickstart');
    expect(done.code).toBe(3);
    expect(done.stderr).toContain(place);
  });
});

describe('what a sweep prints', () => {
  it('tells the metric of its goal as each trial ends, and ranks no trial that failed', async () => {
    using rig = CliRig.quickstart();
    const over = ['--over', 'head.optimizer.adam.learningRate=0.001,1e36', '--over', 'head.epochs=1'];
    const { stdout, stderr, code } = await rig.run('sweep', 'quickstart', ...over, '--goal', 'maximize:score.accuracy');
    expect(code).toBe(1);
    expect(stdout).toMatch(/✓ trial 1 of 2 .* accuracy 0\.\d+$/m);
    expect(stderr).toContain('trial 2 (head.epochs=1 head.optimizer.adam.learningRate=1e+36): the loss became NaN');
    expect(stdout).toMatch(/^ {2}rank {2}trial {2}status {4}head\.optimizer\.adam\.learningRate {2}score\.accuracy/m);
    expect(stdout).toMatch(/^ {2}– {5}2 {6}failed/m);
    const { stdout: best } = await rig.run('sweep', 'show', '--best');
    expect(best.trimEnd().split('\n')).toHaveLength(2);
  });

  it('numbers the trials of all rungs', async () => {
    using rig = CliRig.quickstart();
    const { stdout } = await rig.run(
      ...['sweep', 'quickstart', '--over', 'head.batch=16,32,64', '--strategy', 'halving', '--set', 'head.epochs=3'],
    );
    expect(stdout.match(/trial \d of \d/g)).toEqual([1, 2, 3, 4].map((trial) => `trial ${trial} of 4`));
  });

  it('never tells of more trials than it says there are, also where asynchronous halving needs a few more', async () => {
    using rig = CliRig.quickstart();
    // Each is better than those before it, so that more than a third of them are the best third at some time.
    const rates = Array.from({ length: 18 }, (_, i) => (1e-5 * 1.3 ** i).toExponential(3));
    const over = ['--over', `head.optimizer.adam.learningRate=${rates}`, '--set', 'head.epochs=3'];
    const { stdout } = await rig.run('sweep', 'quickstart', ...over, '--set', 'head.batch=64', '--strategy', 'asha');
    const told = [...stdout.matchAll(/trial (\d+) of (\d+)/g)].map(([, trial, of]) => [Number(trial), Number(of)]);
    for (const [trial = 0, of = 0] of told) expect(trial).toBeLessThanOrEqual(of);
    expect(Math.max(...told.map(([trial = 0]) => trial))).toBeGreaterThan(18 + 6);
  });

  it('takes whole alternatives of a stage, which mean what --set means by them', async () => {
    using rig = rigWith('sweep: { over: { head: [{ layers: [{ dense: 16 }], epochs: 1 }, { classifier: knn }] } }');
    const { stdout } = await rig.run('sweep', 'quickstart', '--json');
    const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
    expect(last.trials.map(({ status }: { status: string }) => status)).toEqual(['finished', 'finished']);
    for (const { settings, metrics } of last.trials) {
      const single = await rig.last('run', 'quickstart', 'score', '--set', `head=${JSON.stringify(settings[0].value)}`);
      expect(single.stages['head']?.status).toBe('cached');
      expect(single.metrics['score']).toEqual(metrics);
    }
    const other = await rig.run(
      'sweep',
      'quickstart',
      '--over',
      'head.layers=[],[{dense: 16}]',
      '--set',
      'head.epochs=1',
    );
    expect(other.stdout).toContain('trial 2 of 2  head.layers=[{"dense":16}]');
  });
});

describe('--write', () => {
  it('leaves the pipeline file itself alone', async () => {
    using rig = CliRig.quickstart();
    const text = rig.read('pipelines/quickstart.yaml');
    const words = ['sweep', 'quickstart', '--over', 'head.epochs=1', '--write'];
    for (const name of ['quickstart.yaml', './pipelines/quickstart.yaml']) {
      const refused = await rig.run(...words, name);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain('U006');
      expect(rig.read('pipelines/quickstart.yaml')).toBe(text);
    }
    expect((await rig.run(...words, 'best.yaml')).code).toBe(0);
  });

  it('writes what --set gave all trials too, so that the copy is what the best trial ran', async () => {
    using rig = CliRig.quickstart();
    const done = await rig.run(
      ...[
        'sweep',
        'quickstart',
        '--set',
        'head.epochs=1',
        '--over',
        'head.batch=16,32',
        '--best',
        '--write',
        'best.yaml',
      ],
    );
    expect(done.code).toBe(0);
    expect(rig.read('pipelines/best.yaml')).toContain('epochs: 1\n');
    expect((await rig.last('plan', 'best')).stages['score']?.status).toBe('cached');
  });

  it('goes through aliases, and refuses what it cannot do', async () => {
    using rig = CliRig.quickstart();
    const text = rig.read('pipelines/quickstart.yaml');
    const start = text.indexOf('    with:\n      layers');
    const end = text.indexOf('  score:');
    const aliased = `${text.slice(0, start)}    with: *common\n${text.slice(end)}`.replace(
      'stages:',
      'vars-of-head: 0\nstages:',
    );
    const anchor = 'with: &common { layers: [{ dense: 16 }], epochs: 1, batch: 32 }';
    const other = `  other: { kind: train-head, from: features, ${anchor} }\n`;
    rig.write(
      'pipelines/aliased.yaml',
      aliased.replace('vars-of-head: 0\n', '').replace('  head:\n', `${other}  head:\n`),
    );
    const done = await rig.run('sweep', 'aliased', '--over', 'head.batch=16,32', '--write', 'best.yaml');
    expect(done.stderr).toBe('');
    expect(done.code).toBe(0);
    expect((await rig.last('plan', 'best', 'score')).stages['score']?.status).toBe('cached');
    rig.write('pipelines/quickstart.yaml', text.replace('epochs: 20', 'epochs: 19'));
    rig.write('pipelines/short.yaml', text.replace('- dense: { units: 128, activation: relu }', '- dense: 16'));
    const short = ['--over', 'head.layers.0.dense.activation=relu,tanh', '--set', 'head.epochs=1'];
    const refused = await rig.run('sweep', 'short', ...short, '--write', 'best2.yaml');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("--set 'head.epochs=1' --set 'head.layers.0.dense.activation=");
    expect((await rig.run('plan', 'best2')).code).toBe(4);
  });

  it('puts an empty list beside its key', async () => {
    using rig = CliRig.quickstart();
    const over = ['--over', 'head.layers=[[]]', '--set', 'head.epochs=1'];
    expect((await rig.run('sweep', 'quickstart', ...over, '--write', 'best.yaml')).code).toBe(0);
    expect(rig.read('pipelines/best.yaml')).toContain('\n      layers: []\n      optimizer');
  });
});

/** Run records: what is kept of a run, and how the history is asked. */
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliRig, finished } from '../cli-rig.ts';
import { gitIn } from '../git-rig.ts';

/** A record as a run of version 0.1.0 wrote it. */
function oldRecord(id: string, epochs: number, loss: number | null, format = 1) {
  return {
    format,
    id,
    startedAt: '2026-01-02T03:04:05.678Z',
    pipeline: 'pipelines/quickstart.yaml',
    commit: null,
    overrides: {},
    node: 'v20.19.0',
    summary: {
      run: id,
      outcome: epochs === 3 ? 'failed' : 'succeeded',
      exitCode: 0,
      durationMs: 1037,
      stages: { head: { status: 'ran', fingerprint: 'a'.repeat(64), reason: { type: 'new' }, durationMs: 5 } },
      metrics: { score: { 'log-loss': loss, accuracy: 1 - (loss ?? 1) } },
      artifacts: {},
    },
    records: {
      head: {
        kind: 'train-head',
        version: 1,
        with: {
          epochs,
          optimizer: { type: 'adam' },
          token: { env: 'TOKEN', keyed: String(epochs) },
          layers: [{ units: 8 }],
        },
        seed: 42,
        inputs: {},
      },
    },
  };
}

const idOf = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('  ')[0]);

describe('pipe runs', () => {
  let rig: CliRig;
  beforeAll(() => {
    rig = new CliRig();
    const losses = [0.5, 0.25, null, 0.75];
    for (const [i, loss] of losses.entries())
      rig.write(
        `.pipe/runs/2026010${i}000000-aaaaa${i}/record.json`,
        JSON.stringify(oldRecord(`2026010${i}000000-aaaaa${i}`, i + 1, loss)),
      );
  });
  afterAll(() => rig[Symbol.dispose]());
  const sorted = async (...args: readonly string[]) => {
    const { stdout, stderr, code } = await rig.run('runs', ...args);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return idOf(stdout).map((id) => id?.slice(-1));
  };

  it('reads records of older versions, the newest first', async () => {
    expect(await sorted()).toEqual(['3', '2', '1', '0']);
  });

  it('sorts by a metric both ways, NaN last', async () => {
    expect(await sorted('--sort', 'score.log-loss')).toEqual(['1', '0', '3', '2']);
    expect(await sorted('--sort', '-score.log-loss')).toEqual(['3', '0', '1', '2']);
    expect(await sorted('--sort', 'head.epochs', '--limit', '2')).toEqual(['0', '1']);
  });

  it('chooses by metrics, settings and fields', async () => {
    expect(await sorted('--where', 'score.log-loss<0.6')).toEqual(['1', '0']);
    expect(await sorted('--where', 'score.log-loss<0.6', '--where', 'head.epochs>=2')).toEqual(['1']);
    expect(await sorted('--where', 'outcome != failed', '--where', 'head.optimizer.type=adam')).toEqual([
      '3',
      '1',
      '0',
    ]);
    expect(await sorted('--where', 'id~aaaaa2')).toEqual(['2']);
    expect(await sorted('--where', 'head.layers.0.units==8', '--where', 'head.epochs=4')).toEqual(['3']);
    expect((await rig.run('runs', '--where', 'head.epochs>9')).stdout).toBe('none of 4 runs\n');
  });

  it.each([
    [['runs', '--where', 'score.accurcy>0.5'], 'did you mean "score.accuracy"?'],
    [['runs', '--sort', 'head.epoch'], 'did you mean "head.epochs"?'],
    [['runs', '--where', 'constructor>1'], 'error[U009]'],
    [['runs', '--where', 'score.__proto__>1'], 'error[U009]'],
    [['runs', '--where', 'accuracy'], 'error[U008]'],
    [['runs', '--where', 'score.accuracy>>0.5'], 'error[U008]'],
    [['runs', '--limit', 'many'], 'error[U001]'],
    [['runs', '--limit', '1.5'], 'error[U001]'],
  ])('refuses %j', async (args, words) => {
    const { code, stderr } = await rig.run(...args);
    expect(stderr).toContain(words);
    expect(code).toBe(2);
  });

  it('compares several runs side by side, values from the environment hidden', async () => {
    const { stdout } = await rig.run('compare', '20260100', '20260101', '20260103');
    expect(stdout).toMatch(/score\.log-loss +0\.500000 +0\.250000 +0\.750000\n/);
    expect(stdout).toMatch(/head\.epochs +1 +2 +4\n/);
    expect(stdout).not.toContain('optimizer');
    const json = JSON.parse((await rig.run('compare', '20260100', '20260101', '--json')).stdout);
    expect(json).toMatchObject({ settings: { 'head.epochs': [1, 2] }, runs: [{ id: '20260100000000-aaaaa0' }, {}] });
  });

  it('leaves out what is damaged or newer, and says so', async () => {
    rig.write('.pipe/runs/20270101000000-bbbbbb/record.json', '{"format":1}');
    rig.write('.pipe/runs/20270102000000-cccccc/record.json', JSON.stringify(oldRecord('x', 1, 1, 99)));
    const { stdout, stderr } = await rig.run('runs');
    expect(idOf(stdout)).toHaveLength(4);
    expect(stderr).toContain('2 records are damaged or of a newer version');
    expect((await rig.run('show', '../../etc')).code).toBe(2);
  });

  it('chooses and sorts among 1,000 records', async () => {
    const thousandths = (i: number) => (i * 7919) % 1000;
    const numbers = Array.from({ length: 1000 }, (_, i) => i);
    for (const i of numbers)
      rig.write(
        `.pipe/runs/20260201${String(i).padStart(6, '0')}-ddd/record.json`,
        JSON.stringify(oldRecord(`r${i}`, i, thousandths(i) / 1000)),
      );
    const { stdout } = await rig.run('runs', '--where', 'score.accuracy>0.9949', '--sort', 'score.log-loss');
    const best = numbers.filter((i) => thousandths(i) <= 5).sort((a, b) => thousandths(a) - thousandths(b));
    expect(idOf(stdout)).toEqual(best.map((i) => `r${i}`));
  });
});

describe('the record of a run', () => {
  let rig: CliRig;
  let git: ReturnType<typeof gitIn>;
  const newest = () => readdirSync(rig.path('.pipe/runs')).sort().at(-1) ?? '';
  const shown = async () => JSON.parse((await rig.run('show', '@last', '--log', '--json')).stdout);

  beforeAll(async () => {
    rig = CliRig.quickstart();
    git = gitIn(rig.folder);
    git('init', '-q');
    rig.write('.gitignore', '.pipe/\nresults/\nhome/\n');
    git('add', '-A');
    git('commit', '-q', '-m', 'one');
    await rig.run('run', 'quickstart', '--set', 'head.epochs=2');
  }, 60_000);
  afterAll(() => rig[Symbol.dispose]());

  it('holds commit, settings, machine, curves, artifacts and a log', async () => {
    const record = await shown();
    expect(record).toMatchObject({
      format: 2,
      commit: git('rev-parse', 'HEAD').trim(),
      dirty: false,
      overrides: { 'head.epochs': 2 },
      details: {
        format: 1,
        pipeline: {
          name: 'quickstart',
          seed: 42,
          stages: { head: { kind: 'train-head', with: { epochs: 2, batch: 32 } } },
        },
        machine: { node: process.version, libraries: { 'onnxruntime-node': expect.stringMatching(/^\d/) } },
        curves: { head: [{ epoch: 1 }, { epoch: 2, loss: expect.any(Number), 'validation-loss': expect.any(Number) }] },
        artifacts: { head: [expect.stringMatching(/^[0-9a-f]{64}$/)] },
      },
    });
    expect(record.log.map(({ event }: { event: string }) => event)).toContain('stage-started');
    const { stdout } = await rig.run('show', '@last', '--log');
    expect(stdout).toMatch(/stage-finished {2}head {2}ran {2}\d+ ms/);
    expect(stdout).toMatch(/epoch +2 {2}loss \d/);
    expect(stdout).toContain('onnxruntime-node');
  });

  it('holds the patch where the work tree is dirty, also a binary one, and names files that git does not know', async () => {
    rig.write('pipelines/quickstart.yaml', rig.read('pipelines/quickstart.yaml').replace('epochs: 20', 'epochs: 1'));
    const [image = ''] = readdirSync(rig.path('data-examples/digits/images/test'));
    const [other = ''] = readdirSync(rig.path('data-examples/digits/images/train'));
    const picture = `data-examples/digits/images/test/${image}`;
    copyFileSync(rig.path(`data-examples/digits/images/train/${other}`), rig.path(picture));
    const bytes = readFileSync(rig.path(picture));
    rig.write('notes.txt', 'not in git');
    await rig.run('run', 'quickstart');
    expect(await shown()).toMatchObject({ dirty: true, details: { changes: { untracked: ['notes.txt'] } } });
    const patch = rig.path(`.pipe/runs/${newest()}/patch.diff`);
    git('checkout', '-q', '.');
    expect(readFileSync(rig.path(picture))).not.toEqual(bytes);
    git('apply', patch);
    expect(readFileSync(rig.path(picture))).toEqual(bytes);
    expect(rig.read('pipelines/quickstart.yaml')).toContain('epochs: 1\n');
    git('checkout', '-q', '.');
  }, 30_000);

  it('does not keep a patch beyond a megabyte', async () => {
    rig.write('large.txt', '');
    git('add', 'large.txt');
    git('commit', '-q', '-m', 'large', 'large.txt');
    rig.write('large.txt', 'x\n'.repeat(800_000));
    await rig.run('run', 'quickstart', '--set', 'head.epochs=3');
    expect(await shown()).toMatchObject({ dirty: true, details: { changes: { patchBytes: null } } });
    expect(existsSync(rig.path(`.pipe/runs/${newest()}/patch.diff`))).toBe(false);
  }, 30_000);

  it('starts no git for a run that finds everything cached', async () => {
    rig.write('bin/git', `#!/bin/sh\ntouch ${rig.path('called')}\nexit 1\n`);
    chmodSync(rig.path('bin/git'), 0o755);
    const environment = { PATH: `${rig.path('bin')}:${process.env['PATH']}` };
    await finished(rig.start(['run', 'quickstart', '--set', 'head.epochs=3'], environment));
    expect(await shown()).toMatchObject({
      dirty: null,
      log: [],
      details: { machine: null, curves: { head: [{}, {}, {}] } },
    });
    expect(existsSync(rig.path('called'))).toBe(false);
    await finished(rig.start(['run', 'quickstart', '--set', 'head.epochs=4'], environment));
    expect(existsSync(rig.path('called'))).toBe(true);
  }, 30_000);
});

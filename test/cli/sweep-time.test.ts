/** What a sweep would take, limits of time, and what other tools are given of it. */
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { CliRig } from '../cli-rig.ts';

interface DryRun {
  readonly trials: number;
  readonly rowsToExtract: number;
  readonly predictedMinutes: number | null;
}

async function dryRun(rig: CliRig, ...args: readonly string[]): Promise<DryRun> {
  const { stdout } = await rig.run('sweep', 'quickstart', ...args, '--dry-run', '--json');
  const answer: DryRun = JSON.parse(stdout);
  return answer;
}

describe('--dry-run', () => {
  it('predicts the time from earlier runs and sweeps, and says where nothing is known', async () => {
    using rig = CliRig.quickstart();
    const over = ['--over', 'head.epochs=20,40'];
    expect(await dryRun(rig, ...over)).toMatchObject({ trials: 2, rowsToExtract: 400, predictedMinutes: null });
    expect((await rig.run('sweep', 'quickstart', ...over, '--dry-run')).stdout).toMatch(
      /time: unknown, .*extract-features/,
    );
    await rig.run('sweep', 'quickstart', '--over', 'head.epochs=10');
    const short = await dryRun(rig, ...over);
    const long = await dryRun(rig, '--over', 'head.epochs=200,400');
    expect(short.rowsToExtract).toBe(0);
    expect(short.predictedMinutes).toBeGreaterThan(0);
    expect((long.predictedMinutes ?? 0) / (short.predictedMinutes ?? 1)).toBeGreaterThan(5);
    await rig.run('run', 'quickstart');
    const { stdout } = await rig.run('plan', 'quickstart', '--set', 'head.epochs=2000');
    expect(stdout).toMatch(/● head .*epochs 20 → 2000 · about /);
    expect(await dryRun(rig, '--over', 'head.epochs=20')).toMatchObject({ predictedMinutes: 0 });
  });

  it('counts an image once, however many splits of it the trials read', async () => {
    using rig = CliRig.quickstart();
    const seeds = ['--over', 'seed=1,2,3', '--set', 'head.epochs=1'];
    expect(await dryRun(rig, ...seeds)).toMatchObject({ trials: 3, rowsToExtract: 400 });
    const { stages } = await rig.last('sweep', 'quickstart', ...seeds);
    const computed = Object.values(stages).reduce((sum, { rows }) => sum + (rows?.computed ?? 0), 0);
    expect(computed).toBe(400);
    expect(await dryRun(rig, ...seeds)).toMatchObject({ rowsToExtract: 0 });
    const spaces = ['--over', 'features.pooling=none,average,max'];
    expect(await dryRun(rig, ...spaces)).toMatchObject({ rowsToExtract: 800 });
  });

  it('says that it knows nothing where the trials known beforehand are new, and where they are all that is cached', async () => {
    using rig = CliRig.quickstart();
    const halving = ['--strategy', 'halving', '--over', 'head.batch=64,128', '--set', 'head.epochs=3'];
    await rig.run('run', 'quickstart', 'features');
    const fresh = await rig.run('sweep', 'quickstart', ...halving, '--dry-run');
    expect(fresh.stdout).toContain('time: unknown, since no earlier run tells how long train-head, evaluate takes');
    await rig.run('sweep', 'quickstart', ...halving);
    const again = await rig.run('sweep', 'quickstart', ...halving, '--dry-run');
    expect(again.stdout).toContain('time: none for those, all is cached');
    expect(await dryRun(rig, ...halving)).toMatchObject({ predictedMinutes: null });
  });

  it('tells how trainings are grouped, once the features are there', async () => {
    using rig = CliRig.quickstart();
    const rates = Array.from({ length: 10 }, (_, i) => (i + 1) / 1000).join();
    const over = ['--over', `head.l2=${rates}`, '--over', 'head.batch=8,16', '--dry-run'];
    expect((await rig.run('sweep', 'quickstart', ...over)).stdout).not.toContain('side by side');
    await rig.run('run', 'quickstart', 'features');
    expect((await rig.run('sweep', 'quickstart', ...over)).stdout).toMatch(
      /20 trainings in 2 groups of at most 10 side by side, in at most [\d.]+ [MG]B of memory/,
    );
  });

  it('counts all rungs of a halving and all runs of a trial', async () => {
    using rig = CliRig.quickstart();
    const halving = ['--strategy', 'halving', '--set', 'head.epochs=9', '--over', 'head.batch=8,16,32'];
    expect(await dryRun(rig, ...halving)).toMatchObject({ trials: 5 });
    rig.write(
      'pipelines/quickstart.yaml',
      `${rig.read('pipelines/quickstart.yaml')}sweep: { over: { head.batch: [8, 16] }, seeds: 3 }\n`,
    );
    expect((await rig.run('sweep', 'quickstart', '--dry-run')).stdout).toContain('2 trials (grid) of 3 runs each');
  });
});

it('limit: { minutes } stops the trials at work, which are not run, and keeps what was finished', async () => {
  using rig = CliRig.quickstart();
  const text = rig.read('pipelines/quickstart.yaml');
  rig.write(
    'pipelines/quickstart.yaml',
    `${text}sweep: { over: { head.epochs: [1, 100000] }, limit: { minutes: 0.1 } }\n`,
  );
  await rig.run('run', 'quickstart', 'features');
  const { code, stdout } = await rig.run('sweep', 'quickstart', '--json');
  const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  expect(code).toBe(0);
  expect(last.outcome).toBe('succeeded');
  expect(last.trials.map(({ status }: { readonly status: string }) => status)).toEqual(['finished', 'skipped']);
});

it('limit: { noImprovement } ends the sweep; odd numbers of minutes are taken', async () => {
  using rig = CliRig.quickstart();
  const text = rig.read('pipelines/quickstart.yaml');
  const limit = 'limit: { noImprovement: 2, minutes: 100000.00001 }';
  const batches = Array.from({ length: 20 }, (_, i) => 8 + 8 * i).join();
  rig.write('pipelines/quickstart.yaml', `${text}sweep: { over: { head.batch: [${batches}] }, ${limit} }\n`);
  const { stdout, code } = await rig.run('sweep', 'quickstart', '--set', 'head.epochs=1');
  expect(code).toBe(0);
  // Eight at a time.
  expect(stdout).toContain('\n  8 trials · ');
  rig.write('pipelines/quickstart.yaml', text);
  await rig.run('sweep', 'quickstart', '--over', 'head.epochs=1', '--set', 'head.batch=8');
  rig.write('.pipe/sweeps/99990101000000-000000.json', '{');
  expect((await rig.run('sweep', 'show')).stdout).toMatch(/rank {2}trial {2}status {2}head\.epochs/);
  expect((await rig.run('sweep', 'show', '@last~1')).stdout).toMatch(/rank {2}trial {2}status {4}head\.batch/);
  expect((await rig.run('sweep', 'show', '@last~2')).code).toBe(2);
  expect((await rig.run('runs')).stdout).toContain('pipe sweep show');
});

describe('other tools', () => {
  it('get a run a trial, with its settings', async () => {
    using rig = CliRig.quickstart();
    const over = ['--over', 'head.epochs=1,2', '--set', 'head.batch=64'];
    expect((await rig.run('sweep', 'quickstart', ...over, '--tensorboard', 'tb')).code).toBe(0);
    const runs = readdirSync(rig.path('tb')).sort();
    expect(runs).toEqual([expect.stringMatching(/\.1$/), expect.stringMatching(/\.2$/)]);
    const [file = ''] = readdirSync(rig.path(`tb/${runs[1]}`));
    const events = rig.read(`tb/${runs[1]}/${file}`);
    for (const name of ['head.epochs', 'head.batch', 'score/log-loss', 'head/loss']) expect(events).toContain(name);
    const shown = await rig.run('sweep', 'show', '--tensorboard', 'tb');
    expect(shown.code).toBe(2);
  });

  it('MLflow gets them by its API; one that refuses is asked once', async () => {
    using rig = CliRig.quickstart();
    const asked: { readonly path: string; readonly body: string }[] = [];
    let refuse = false;
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => {
        body += part.toString();
      });
      request.on('end', () => {
        asked.push({ path: request.url ?? '', body });
        response.writeHead(refuse ? 500 : 200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ experiment: { experiment_id: '1' }, run: { info: { run_id: 'r' } } }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    try {
      const args = ['sweep', 'quickstart', '--over', 'head.epochs=1,2', '--mlflow', `http://127.0.0.1:${port}`];
      expect((await rig.run(...args)).code).toBe(0);
      const created = asked.filter(({ path }) => path.endsWith('runs/create'));
      expect(created.map(({ body }) => JSON.parse(body).run_name)).toEqual([
        expect.stringMatching(/\.1$/),
        expect.stringMatching(/\.2$/),
      ]);
      const params = asked
        .filter(({ path }) => path.endsWith('runs/log-batch'))
        .map(({ body }) => JSON.parse(body).params);
      expect(params.map((list) => list.find(({ key }: { key: string }) => key === 'head.epochs').value)).toEqual([
        '1',
        '2',
      ]);
      refuse = true;
      asked.length = 0;
      const refused = await rig.run(...args);
      expect(refused.code).toBe(6);
      expect(refused.stderr.match(/error\[/g)).toHaveLength(1);
      expect(asked).toHaveLength(1);
      expect(refused.stdout).toContain('2 trials · 2 cached');
    } finally {
      server.close();
    }
  });
});

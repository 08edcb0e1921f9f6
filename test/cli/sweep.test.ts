/** Sweeps through the front door: trials equal single runs, nothing runs twice, a killed sweep loses nothing finished. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CliRig, eventSeen, finished } from '../cli-rig.ts';

interface TrialLine {
  readonly trial: number;
  readonly settings: readonly { readonly path: string; readonly value: unknown }[];
  readonly status: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly deviation?: number;
}

interface SweepLine {
  readonly event: string;
  readonly outcome: string;
  readonly exitCode: number;
  readonly trials: readonly TrialLine[];
  readonly features: { readonly read: number; readonly given: number };
  readonly stages: Readonly<Record<string, { readonly status: string; readonly rows?: { readonly computed: number } }>>;
}

async function sweep(rig: CliRig, ...args: readonly string[]): Promise<SweepLine> {
  const { stdout, stderr } = await rig.run('sweep', 'quickstart', ...args, '--json');
  const text = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (text === '') throw new Error(stderr);
  const line: SweepLine = JSON.parse(text);
  expect(line.event).toBe('run-finished');
  return line;
}

/** The head that ran last. */
function lastHead(lines: readonly Record<string, unknown>[]): unknown {
  return lines.filter(({ event, kind }) => event === 'stage-started' && kind === 'train-head').at(-1)?.['stage'];
}

const over = ['--over', 'head.epochs=2,3', '--over', 'head.optimizer=adam,sgd'];

describe('pipe sweep', () => {
  it('scores a head as soon as it is done, also where one job at a time is asked for', async () => {
    using rig = CliRig.quickstart();
    const { stdout } = await rig.run('sweep', 'quickstart', '--over', 'head.epochs=1,150', '--jobs', '1', '--json');
    const done = stdout
      .trimEnd()
      .split('\n')
      .map((line): Record<string, unknown> => JSON.parse(line))
      .flatMap(({ event, kind }) => (event === 'stage-finished' ? [kind] : []))
      .filter((kind) => kind === 'train-head' || kind === 'evaluate');
    expect(done).toEqual(['train-head', 'evaluate', 'train-head', 'evaluate']);
  });

  it('extracts once, gives each trial the bits of a single run, and runs nothing the second time', async () => {
    using rig = CliRig.quickstart();
    const first = await sweep(rig, ...over);
    expect(first.outcome).toBe('succeeded');
    expect(first.stages['features']?.rows?.computed).toBe(400);
    expect(first.trials.map(({ status }) => status)).toEqual(['finished', 'finished', 'finished', 'finished']);
    // Features of 400 digits, read by every head and every score.
    expect(first.features.read).toBeGreaterThan(0);
    expect(first.features.given).toBeGreaterThan(first.features.read);
    const losses = first.trials.map(({ metrics }) => metrics['log-loss'] ?? Number.NaN);
    expect(losses).toEqual([...losses].sort((a, b) => a - b));
    for (const { settings, metrics } of first.trials) {
      using alone = CliRig.quickstart();
      const set = settings.flatMap(({ path, value }) => ['--set', `${path}=${String(value)}`]);
      const last = await alone.last('run', 'quickstart', 'score', ...set);
      expect(last.metrics['score']).toEqual(metrics);
    }
    const again = await sweep(rig, ...over);
    expect(again.trials.map(({ status }) => status)).toEqual(['cached', 'cached', 'cached', 'cached']);
    const wider = await sweep(rig, '--over', 'head.epochs=2,3,4', '--over', 'head.optimizer=adam,sgd');
    expect(wider.trials.filter(({ status }) => status === 'finished')).toHaveLength(2);
  });

  it('halves: survivors go on where they stopped, and end as a single run would', async () => {
    using rig = CliRig.quickstart();
    const rates = '--over=head.optimizer.adam.learningRate=0.0003,0.001,0.003,0.01';
    rig.write(
      'pipelines/quickstart.yaml',
      `${rig.read('pipelines/quickstart.yaml')}sweep:\n  strategy: halving\n  halving: { most: 8, least: 2, factor: 2 }\n  over: { head.batch: [32] }\n`,
    );
    const { stdout } = await rig.run('sweep', 'quickstart', rates, '--json');
    const lines: readonly Record<string, unknown>[] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const trials = lines.filter(({ event }) => event === 'trial-finished');
    expect(trials.map(({ label }) => label).join('')).toBe('0000112');
    const last: SweepLine = JSON.parse(JSON.stringify(lines.at(-1)));
    const [best] = last.trials;
    using alone = CliRig.quickstart();
    const set = (best?.settings ?? []).flatMap(({ path, value }) => ['--set', `${path}=${String(value)}`]);
    const single = await alone.last('run', 'quickstart', 'score', ...set);
    expect(single.metrics['score']).toEqual(best?.metrics);
    // The last rung trained 4 epochs of 8: it told of its progress from the fifth on.
    const first = lines.find(
      ({ event, stage, done }) => event === 'stage-progress' && stage === lastHead(lines) && Number(done) > 0,
    );
    expect(Number(first?.['done'])).toBeGreaterThan(4 * 200);
  });

  it('repeats trials with other seeds and tells the deviation', async () => {
    using rig = CliRig.quickstart();
    rig.write(
      'pipelines/quickstart.yaml',
      `${rig.read('pipelines/quickstart.yaml')}sweep:\n  over: { head.epochs: [1, 2] }\n  seeds: 2\n  goal: { maximize: score.accuracy }\n`,
    );
    const done = await sweep(rig);
    expect(done.trials).toHaveLength(2);
    for (const { deviation } of done.trials) expect(deviation).toBeGreaterThanOrEqual(0);
    const [best, other] = done.trials;
    expect(best?.metrics['accuracy']).toBeGreaterThanOrEqual(other?.metrics['accuracy'] ?? 1);
  });

  it('puts trials side by side, and beside runs', async () => {
    using rig = CliRig.quickstart();
    rig.write(
      'pipelines/quickstart.yaml',
      `${rig.read('pipelines/quickstart.yaml')}sweep:\n  over: { head.epochs: [1, 2] }\n  seeds: 2\n`,
    );
    const done = await sweep(rig);
    await rig.last('run', 'quickstart', '--set', 'head.epochs=2', '--set', 'head.batch=16');
    const first = done.trials.find(({ trial }) => trial === 1);
    const { stdout } = await rig.run('compare', '@sweep.1.1', '@sweep.1.2', '@sweep.2.1', '@last', '--json');
    const compared = JSON.parse(stdout);
    expect(compared.settings['head.epochs']).toEqual([1, 1, 2, 2]);
    expect(compared.settings['head.pipeline seed']).toEqual([42, 43, 42, 42]);
    expect(compared.settings['head.batch']).toEqual([32, 32, 32, 16]);
    const losses: readonly number[] = compared.runs.map(
      ({ metrics }: { metrics: Record<string, Record<string, number>> }) => metrics['score']?.['log-loss'],
    );
    expect(((losses[0] ?? 0) + (losses[1] ?? 0)) / 2).toBeCloseTo(first?.metrics['log-loss'] ?? Number.NaN, 12);
    const { id } = JSON.parse((await rig.run('show', '@sweep.2.2', '--json')).stdout);
    expect(id).toMatch(/\.2\.2$/);
    expect((await rig.run('show', id)).stdout).toContain('features');
    for (const unknown of ['@sweep.3.1', '@sweep.1', '@sweep~1.1.1', '@sweep', '@sweep.1.1.1', '../x.1'])
      expect(await rig.run('show', unknown)).toMatchObject({ code: 2, stdout: '' });
  });

  it('lists a failed trial and finishes the others', async () => {
    using rig = CliRig.quickstart();
    const done = await sweep(rig, '--over', 'head.optimizer.adam.learningRate=0.001,1e36', '--set', 'head.epochs=2');
    expect(done.exitCode).toBe(1);
    expect(done.trials.map(({ status }) => status)).toEqual(['finished', 'failed']);
  });

  it('loses no finished trial to a kill -9', async () => {
    using rig = CliRig.quickstart();
    const child = rig.start(['sweep', 'quickstart', ...over, '--json']);
    const ended = finished(child);
    let heads = 0;
    await new Promise<void>((resolve) => {
      child.stdout?.on('data', (text: string) => {
        heads += text.split('"kind":"evaluate","metrics"').length - 1;
        if (heads >= 1) resolve();
      });
    });
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await ended;
    const after = await sweep(rig, ...over);
    expect(after.outcome).toBe('succeeded');
    expect(after.trials.filter(({ status }) => status === 'cached').length).toBeGreaterThanOrEqual(1);
    expect(after.stages['features']?.rows?.computed ?? 0).toBe(0);
  });

  it('two sweeps at the same time extract once', async () => {
    using rig = CliRig.quickstart();
    const one = rig.start(['sweep', 'quickstart', '--over', 'head.epochs=2,3', '--json']);
    const ended = finished(one);
    await eventSeen(one, 'run-started');
    const other = await sweep(rig, '--over', 'head.epochs=3,4');
    const lines = (await ended).json();
    const first = lines.at(-1);
    const computed = [first, other].map(
      (line) => JSON.stringify(line?.['stages'] ?? line).match(/"computed":(\d+)/)?.[1] ?? '0',
    );
    expect(computed.map(Number).reduce((a, b) => a + b)).toBe(400);
  });

  it.each([
    [['--over', 'hed.epochs=1,2'], 3, 'did you mean "head"?'],
    [['--over', 'head.epochs=0,2'], 3, 'trial 1 (head.epochs=0)'],
    [['--over', 'seed=1,x'], 3, 'trial 2 (seed=x): seed: expected a whole number'],
    [['--over', 'seed=1,-1'], 3, 'trial 2 (seed=-1): seed: -1 must be at least 0'],
    [['--over', 'seed=1,1.5'], 3, 'trial 2 (seed=1.5): seed: expected a whole number'],
    [['--over', 'head.epochs=2,2'], 3, 'has the value 2 twice'],
    [['--over', 'head.__proto__.x=1,2'], 3, 'unknown key "__proto__"'],
    [['--over', '__proto__=1,2'], 3, 'the pipeline has no stage "__proto__"'],
    [['--over', 'head.ep\u001b[31m=1,2'], 3, 'unknown key "ep\\u001b[31m"'],
    [['--over', 'head.epochs=integer(1,1000000,5)'], 3, 'takes two numbers'],
    [['--over', 'head.epochs=1,2', '--goal', 'minimize:skore.x'], 3, 'there is no stage "skore"'],
    [[], 3, 'nothing to sweep over'],
    [['--over', 'head.epochs'], 2, 'PATH=VALUES'],
  ])('refuses %j', async (args, code, message) => {
    using rig = CliRig.quickstart();
    const done = await rig.run('sweep', 'quickstart', ...args);
    expect(done.stderr).toContain(message);
    expect(done.stderr).not.toContain('\u001b');
    expect(done.code).toBe(code);
  });

  it('refuses a million combinations with their count', async () => {
    using rig = CliRig.quickstart();
    const list = Array.from({ length: 100 }, (_, i) => i + 1).join();
    const done = await rig.run(
      'sweep',
      'quickstart',
      '--over',
      `head.epochs=${list}`,
      '--over',
      `head.batch=${list}`,
      '--over',
      `seed=${list}`,
    );
    expect(done.code).toBe(3);
    expect(done.stderr).toContain('1,000,000 combinations');
  });

  it('makes names and values harmless, on the terminal and in exports', async () => {
    using rig = CliRig.quickstart();
    const values = ['=1+1', '@x', '\u001b[31mred', '__proto__', '<b>'];
    const text = rig.read('pipelines/quickstart.yaml').replace('vars: {', 'vars: { "=name": 1, note: 1,');
    const block = `sweep: { over: { "vars.=name": [1, 2], vars.note: ${JSON.stringify(values)} } }\n`;
    rig.write('pipelines/quickstart.yaml', `${text.replace('epochs: 20', 'epochs: 1')}${block}`);
    const { stdout, code } = await rig.run('sweep', 'quickstart');
    expect(code).toBe(0);
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toContain('\\u001b[31mred');
    const csv = (await rig.run('sweep', 'show', '--export', 'csv')).stdout.trimEnd().split('\n');
    expect(csv[0]).toContain('rank,trial,status,vars.=name,vars.note,');
    expect(csv.filter((line) => /,'=1\+1,/.test(line))).toHaveLength(2);
    expect(csv.filter((line) => /,'@x,/.test(line))).toHaveLength(2);
    for (const line of csv) for (const cell of line.split(',')) expect(cell).not.toMatch(/^"?[=+@]/);
    const json = JSON.parse((await rig.run('sweep', 'show', '--export', 'json')).stdout);
    expect(json.map((row: Record<string, unknown>) => row['vars.note']).sort()).toEqual([...values, ...values].sort());
  });

  it('exports settings as what they are: lists, maps and booleans in JSON', async () => {
    using rig = CliRig.quickstart();
    const layers = [[{ dense: { units: 16 } }], []];
    const over = ['--over', `head.layers=${JSON.stringify(layers)}`, '--over', 'head.shuffle=true,false'];
    await sweep(rig, ...over, '--set', 'head.epochs=1');
    const json = JSON.parse((await rig.run('sweep', 'show', '--export', 'json')).stdout);
    const given = json.map((row: Record<string, unknown>) => [row['head.layers'], row['head.shuffle']]);
    for (const layer of layers) for (const shuffle of [true, false]) expect(given).toContainEqual([layer, shuffle]);
    const csv = await rig.run('sweep', 'show', '--export', 'csv');
    expect(csv.stdout).toContain(',"[{""dense"":{""units"":16}}]",true,');
  });

  it('exports the trials and writes the best', async () => {
    using rig = CliRig.quickstart();
    await sweep(rig, '--over', 'head.epochs=1,2', '--over', 'features.pooling=none,average');
    const csv = await rig.run('sweep', 'show', '--export', 'csv');
    expect(csv.stdout.split('\n')[0]).toMatch(/^rank,trial,status,features\.pooling,head\.epochs,score\.log-loss/);
    expect(csv.stdout.trimEnd().split('\n')).toHaveLength(5);
    const parquet = await rig.run('sweep', 'show', '--export', 'parquet', '--out', 'trials.parquet');
    expect(parquet.code).toBe(0);
    const { parquetReadObjects } = await import('hyparquet');
    const bytes = readFileSync(rig.path('trials.parquet'));
    const rows = await parquetReadObjects({
      file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    });
    expect(rows).toHaveLength(4);
    rig.write('taken', '');
    for (const words of [
      ['--export', 'csv', '--out', 'taken/trials.csv'],
      ['--write', 'taken/best.yaml'],
    ]) {
      const refused = await rig.run('sweep', 'show', ...words);
      expect(refused.stderr).toMatch(/error\[K001\]: cannot write taken.*: a part of the path is not a folder/);
      expect(refused.code).toBe(7);
    }
    await rig.run('sweep', 'show', '--write', 'best.yaml');
    const best = await rig.run('plan', 'best', '--json');
    expect(best.code).toBe(0);
  });
});

/** The lock file: what a run writes beside its pipeline, what `--locked` holds against it, and how git merges it. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliRig, finished } from '../cli-rig.ts';
import { gitIn } from '../git-rig.ts';

const LOCK = 'pipelines/quickstart.lock.yaml';
const PIPELINE = 'pipelines/quickstart.yaml';

let rig: CliRig;
const edit = (from: string | RegExp, to: string) => {
  const text = rig.read(PIPELINE);
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`${String(from)} is not in the pipeline`);
  rig.write(PIPELINE, changed);
};

beforeAll(async () => {
  rig = CliRig.quickstart();
  const git = gitIn(rig.folder);
  git('init', '-q');
  rig.write('.gitignore', '.pipe/\nresults/\nhome/\n');
  const { code, stderr } = await rig.run('run', 'quickstart');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  git('add', '-A');
  git('commit', '-q', '-m', 'one');
}, 60_000);
afterAll(() => rig[Symbol.dispose]());

describe('the lock file', () => {
  it('holds settings, digests, counts and metrics at six digits, and nothing of this machine', () => {
    const text = rig.read(LOCK);
    expect(text).toContain('\n      epochs: 20\n');
    expect(text).toMatch(/\n {4}data:\n {6}rows: [0-9a-f]{64}\n {4}counts:\n {6}test: 100\n/);
    expect(text).toMatch(/\n {4}weights: sha256:[0-9a-f]{64}\n/);
    expect(text).toMatch(/\n {6}log-loss: 0\.\d{1,7}\n/);
    expect(text).not.toContain(rig.folder);
    expect(text).not.toMatch(/20\d\d-\d\d/);
    const stages = [...text.matchAll(/^ {2}(\w+):$/gm)].map(([, name]) => name);
    expect(stages).toEqual([...stages].sort());
  });

  it('is not touched by a run that finds all as locked', async () => {
    const before = statSync(rig.path(LOCK)).mtimeMs;
    await rig.run('run', 'quickstart');
    await rig.run('run', 'quickstart', 'features');
    expect(statSync(rig.path(LOCK)).mtimeMs).toBe(before);
  });

  it('is the same from another place, cache and order of stages', async () => {
    using other = CliRig.quickstart();
    const [head = '', first = '', ...rest] = other.read(PIPELINE).split(/(?=^ {2}\w+:)/m);
    other.write(PIPELINE, [head, ...rest, first].join(''));
    await other.run('run', 'quickstart');
    expect(other.read(LOCK)).toBe(rig.read(LOCK));
  }, 60_000);

  it('notes --set as overrides, and forgets them when they are gone', async () => {
    const before = rig.read(LOCK);
    await rig.run('run', 'quickstart', '--set', 'head.epochs=2');
    const set = rig.read(LOCK);
    expect(set).toContain('\noverrides:\n  head.epochs: 2\n');
    expect(set).toContain('\n      epochs: 2\n');
    await rig.run('run', 'quickstart');
    expect(rig.read(LOCK)).toBe(before);
  }, 60_000);

  it('keeps what another machine measured within the tolerance', async () => {
    const before = rig.read(LOCK);
    const near = before
      .replace(/accuracy: 0\.9(\d+)/, 'accuracy: 0.9$10001')
      .replace(/ort [\d.]+ cpu/g, 'ort 1.0.0 cuda');
    expect(near).not.toBe(before);
    rig.write(LOCK, near);
    await rig.run('run', 'quickstart');
    expect(rig.read(LOCK)).toBe(near);
    expect((await rig.run('run', 'quickstart', '--locked')).code).toBe(0);
    rig.write(LOCK, before);
  });

  it('hides values from the environment, and locks them by name on every machine', async () => {
    const written = rig.read(PIPELINE);
    edit('seed: 42', 'seed: 42\nenv: [ROUNDS]');
    edit('epochs: 20', 'epochs: "${env.ROUNDS}"');
    const run = (cache: string) =>
      finished(rig.start(['run', 'quickstart', '--cache', rig.path(cache), '--locked'], { ROUNDS: '4' }));
    await finished(rig.start(['run', 'quickstart'], { ROUNDS: '4' }));
    const text = rig.read(LOCK);
    expect(text).toContain('epochs: env:ROUNDS');
    const { code, stderr } = await run('.pipe/another');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    rig.write(PIPELINE, written);
    await rig.run('run', 'quickstart');
  }, 60_000);
});

describe('--locked', () => {
  it('passes where all is as locked, also with an empty cache', async () => {
    expect((await rig.run('run', 'quickstart', '--locked')).code).toBe(0);
    expect((await rig.run('run', 'quickstart', '--locked', '--no-cache')).code).toBe(0);
  }, 60_000);

  it('refuses another setting before anything runs, with exit code 5', async () => {
    const { code, stderr } = await rig.run('run', 'quickstart', '--locked', '--set', 'head.epochs=7');
    expect(stderr).toContain('error[L001]: head is not as quickstart.lock.yaml has it: epochs 20 → 7');
    expect(code).toBe(5);
    const json = await rig.run('run', 'quickstart', '--locked', '--set', 'head.epochs=7', '--json');
    expect(json.json().map((line) => line['event'])).toEqual(['diagnostic', 'run-finished']);
    expect(json.json().at(-1)).toMatchObject({ outcome: 'failed', exitCode: 5 });
  });

  it('refuses other data and names their digest', async () => {
    const csv = rig.read('data-examples/digits/train.csv');
    rig.write('data-examples/digits/train.csv', csv.replace(/,0\n/, ',1\n'));
    const { code, stderr } = await rig.run('run', 'quickstart', '--locked');
    expect(stderr).toMatch(/digits is not as .*: data digest \(rows\) [0-9a-f]{8}… → [0-9a-f]{8}…/);
    expect(code).toBe(5);
    rig.write('data-examples/digits/train.csv', csv);
  });

  it('refuses a metric beyond the tolerance after the run, and takes it with a wider one', async () => {
    const before = rig.read(LOCK);
    rig.write(LOCK, before.replace(/ accuracy: 0\.9\d+/, ' accuracy: 0.95'));
    const refused = await rig.run('run', 'quickstart', '--locked', '--no-cache');
    expect(refused.stderr).toMatch(/score is not as .*: metric accuracy 0\.95 → 0\.9/);
    expect(refused.code).toBe(5);
    const last = await rig.last('run', 'quickstart', '--locked', '--no-cache');
    expect(last).toMatchObject({ outcome: 'failed', exitCode: 5 });
    expect((await rig.run('run', 'quickstart', '--locked', '--tolerance', '0.1')).code).toBe(0);
    expect((await rig.run('run', 'quickstart', '--locked', '--tolerance', 'much')).code).toBe(2);
    rig.write(LOCK, before);
  }, 60_000);

  it.each([
    ['L002', undefined, 'there is no quickstart.lock.yaml'],
    ['L003', 'stages: [', 'is damaged'],
    ['L003', 'lock: 1\npipeline: quickstart\nstages:\n  head: {}\n', 'stage head is not complete'],
    ['L003', 'lock: 1\n__proto__: { a: 1 }\npipeline: q\nstages: {}\n', 'is damaged'],
    ['L003', '', 'it holds no map'],
    ['L004', 'lock: 99\nstages: {}\n', 'newer version'],
    ['L005', '<<<<<<< HEAD\nlock: 1\n=======\nlock: 1\n>>>>>>> other\n', 'conflict markers'],
  ])('refuses with %s: %j', async (code, text, words) => {
    const before = rig.read(LOCK);
    if (text === undefined) rmSync(rig.path(LOCK));
    else rig.write(LOCK, text);
    const { code: exit, stderr } = await rig.run('run', 'quickstart', '--locked');
    expect(stderr).toContain(`error[${code}]`);
    expect(stderr).toContain(words);
    expect(exit).toBe(5);
    // Without --locked a damaged lock is written anew, with a warning; a newer one is left alone.
    const free = await rig.run('run', 'quickstart');
    expect(free.code).toBe(0);
    if (text !== undefined) expect(free.stderr).toContain(`warning[${code}]`);
    expect(readFileSync(rig.path(LOCK), 'utf8')).toBe(code === 'L004' ? text : before);
    writeFileSync(rig.path(LOCK), before);
  });
});

describe('branches', () => {
  it('that touched different stages merge without conflict, and the merged lock holds', async () => {
    const git = gitIn(rig.folder);
    git('add', '-A');
    git('commit', '-q', '--allow-empty', '-m', 'base');
    git('checkout', '-q', '-b', 'more-epochs');
    edit('epochs: 20', 'epochs: 22');
    await rig.run('run', 'quickstart');
    git('commit', '-q', '-a', '-m', 'more epochs');
    git('checkout', '-q', 'main');
    git('checkout', '-q', '-b', 'probabilities');
    edit('file: predictions.csv', 'file: predictions.csv, probabilities: true');
    rig.write(
      PIPELINE,
      `${rig.read(PIPELINE)}  export: { kind: export-features, from: features, with: { file: rows.npy } }\n`,
    );
    await rig.run('run', 'quickstart');
    git('commit', '-q', '-a', '-m', 'probabilities');
    git('merge', '-q', '--no-edit', 'more-epochs');
    const { code, stderr } = await rig.run('run', 'quickstart', '--locked');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    git('checkout', '-q', 'main');
  }, 60_000);
});

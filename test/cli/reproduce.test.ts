/** `pipe reproduce`: a revision in a temporary work tree, held against its lock file. */
import { cpSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliRig } from '../cli-rig.ts';
import { gitIn } from '../git-rig.ts';

const PIPELINE = 'pipelines/quickstart.yaml';
const LOCK = 'pipelines/quickstart.lock.yaml';
const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('pipe-reproduce-'));

let rig: CliRig;
let git: ReturnType<typeof gitIn>;
let before: readonly string[];

beforeAll(async () => {
  before = leftovers();
  rig = CliRig.quickstart();
  git = gitIn(rig.folder);
  git('init', '-q');
  rig.write('.gitignore', '.pipe/\nresults/\nhome/\n');
  rig.write(PIPELINE, rig.read(PIPELINE).replace('epochs: 20', 'epochs: 3'));
  rmSync(rig.path('pipelines/quickstart-compare.yaml'));
  await rig.run('run', 'quickstart');
  git('add', '-A');
  git('commit', '-q', '-m', 'three epochs');
  await rig.run('run', 'quickstart', '--set', 'head.epochs=4');
  git('commit', '-q', '-a', '-m', 'with --set');
}, 60_000);
afterAll(() => {
  expect(leftovers().filter((name) => !before.includes(name))).toEqual([]);
  expect(git('worktree', 'list').trim().split('\n')).toHaveLength(1);
  rig[Symbol.dispose]();
});

describe('pipe reproduce', () => {
  it('runs the last commit with its --set, and an older one, with the cache and without', async () => {
    const head = await rig.run('reproduce');
    expect(head.stderr).toBe('');
    expect(head.stdout).toMatch(/reproduced pipelines\/quickstart of HEAD \([0-9a-f]{10}\): 7 metrics within 0\.001/);
    expect(head.stdout).toContain('7 of 7 stages from cache');
    expect(head.code).toBe(0);
    const older = await rig.run('reproduce', 'HEAD~1', '--no-cache');
    expect(older.stderr).toBe('');
    expect(older.stdout).toContain('0 of 7 stages from cache');
    expect(older.code).toBe(0);
    expect(git('status', '--short')).toBe('');
  }, 60_000);

  it('needs no file of the work tree that is in the commit', async () => {
    renameSync(rig.path('data-examples'), rig.path('.pipe/away'));
    const { code, stdout } = await rig.run('reproduce', 'HEAD', PIPELINE, '--no-cache', '--json');
    renameSync(rig.path('.pipe/away'), rig.path('data-examples'));
    expect(JSON.parse(stdout)).toMatchObject({
      format: 1,
      revision: 'HEAD',
      pipelines: [
        { pipeline: 'pipelines/quickstart', outcome: 'reproduced', metrics: 7, borrowed: [], diagnostics: [] },
      ],
    });
    expect(code).toBe(0);
  }, 60_000);

  it('names a metric that is not as locked, within the tolerance or not', async () => {
    const text = rig.read(LOCK);
    rig.write(LOCK, text.replace(/ accuracy: [\d.]+/, ' accuracy: 0.5'));
    git('commit', '-q', '-a', '-m', 'a lie');
    const { code, stderr } = await rig.run('reproduce');
    expect(stderr).toMatch(/error\[L007\]: HEAD was not reproduced: .*score: metric accuracy 0\.5 → 0\.\d+/);
    expect(stderr).toContain('data, weights and settings agree');
    expect(code).toBe(5);
    expect((await rig.run('reproduce', 'HEAD', '--tolerance', '0.6')).code).toBe(0);
    git('reset', '-q', '--hard', 'HEAD~1');
  }, 60_000);

  it('names the engine where another one is behind a metric', async () => {
    const text = rig.read(LOCK);
    rig.write(
      LOCK,
      text.replace(/ accuracy: [\d.]+/, ' accuracy: 0.5').replaceAll('ort 1.30.0 cpu', 'tfjs-node 4.22.0 cpu'),
    );
    git('commit', '-q', '-a', '-m', 'another engine');
    const { stderr, code } = await rig.run('reproduce');
    expect(stderr).toContain('engine tfjs-node 4.22.0 cpu → ort');
    expect(stderr).toContain('another engine computed it');
    expect(code).toBe(5);
    git('reset', '-q', '--hard', 'HEAD~1');
  }, 60_000);

  it('names data and weights by digest', async () => {
    const text = rig.read(LOCK);
    const wrong = text
      .replace(/rows: [0-9a-f]{64}/, `rows: ${'0'.repeat(63)}a`)
      .replace(/sha256:[0-9a-f]{64}/, `sha256:${'1'.repeat(64)}`);
    rig.write(LOCK, wrong);
    git('commit', '-q', '-a', '-m', 'other data');
    const { stderr, code } = await rig.run('reproduce');
    expect(stderr).toMatch(/digits: data digest \(rows\) 00000000… → [0-9a-f]{8}…/);
    expect(stderr).toMatch(/features: weights digest sha256:11111111… → sha256:53d39a01…/);
    expect(stderr).toContain('the data are not those of the lock file');
    expect(code).toBe(5);
    git('reset', '-q', '--hard', 'HEAD~1');
  }, 60_000);

  it('works in a shallow clone with a detached head, and says what a shallow clone lacks', async () => {
    using clone = new CliRig();
    gitIn(clone.folder)('clone', '-q', '--depth', '1', `file://${rig.folder}`, 'c');
    gitIn(clone.path('c'))('checkout', '-q', '--detach');
    const inClone = new CliRig(clone.path('c'));
    const { code, stderr } = await inClone.run('reproduce');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const lacking = await inClone.run('reproduce', 'HEAD~1');
    expect(lacking.stderr).toContain('this clone is shallow');
    expect(lacking.code).toBe(2);
  }, 60_000);

  it('takes data that are not in git from this machine, in a project below the top, and says when they are gone', async () => {
    using other = new CliRig();
    const project = other.path('repo/sub/project');
    cpSync(rig.path('pipelines'), `${project}/pipelines`, { recursive: true });
    cpSync(rig.path('data-examples/digits'), other.path('outside/digits'), { recursive: true });
    other.write('repo/sub/project/package.json', '{}');
    other.write('repo/sub/project/.gitignore', '.pipe/\nresults/\nhome/\n');
    const text = other.read('repo/sub/project/pipelines/quickstart.yaml');
    other.write(
      'repo/sub/project/pipelines/quickstart.yaml',
      text.replace('../data-examples/digits', '../../../../outside/digits'),
    );
    const below = new CliRig(project);
    const ownGit = gitIn(other.path('repo'));
    ownGit('init', '-q');
    await below.run('run', 'quickstart');
    ownGit('add', '-A');
    ownGit('commit', '-q', '-m', 'one');
    const { code, stdout, stderr } = await below.run('reproduce', 'HEAD', '--no-cache');
    expect(stderr).toBe('');
    expect(stdout).toContain(`not in the commit, taken from this machine: ${other.path('outside/digits/train.csv')}`);
    expect(code).toBe(0);
    const csv = other.read('outside/digits/train.csv');
    other.write('outside/digits/train.csv', csv.replace(/,0\n/, ',1\n'));
    const changed = await below.run('reproduce');
    expect(changed.stderr).toContain('digits: data digest (rows)');
    expect(changed.code).toBe(5);
    rmSync(other.path('outside/digits'), { recursive: true });
    const gone = await below.run('reproduce');
    expect(gone.stderr).toContain('error[L013]: the data of HEAD are neither in the commit nor on this machine');
    expect(gone.stderr).toContain(other.path('outside/digits/train.csv'));
    expect(gone.stderr).not.toContain('pipe-reproduce-');
    expect(gone.code).toBe(4);
  }, 60_000);

  it('says so where there is no lock file, no such file, no such revision', async () => {
    const missing = await rig.run('reproduce', 'HEAD', 'pipelines/other.yaml');
    expect(missing.stderr).toContain('error[L002]: HEAD holds no lock file of pipelines/other');
    expect(missing.code).toBe(5);
    expect((await rig.run('reproduce', 'nowhere')).code).toBe(2);
    rig.write(LOCK, '<<<<<<< HEAD\n');
    git('commit', '-q', '-a', '-m', 'in conflict');
    const conflict = await rig.run('reproduce');
    expect(conflict.stderr).toContain(`error[L005]: HEAD:${LOCK} has conflict markers`);
    expect(conflict.code).toBe(5);
    git('reset', '-q', '--hard', 'HEAD~1');
  });
});

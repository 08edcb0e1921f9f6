/** `pipe diff`: from committed lock files alone. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CliRig, finished, repository } from '../cli-rig.ts';
import { gitIn } from '../git-rig.ts';

const LOCK = 'pipelines/quickstart.lock.yaml';

/** A lock file as a run writes it, with the numbers that a test is about. */
function lock(epochs: number, loss: number | string, more = ''): string {
  return `lock: 1
pipeline: quickstart

stages:

  head:
    kind: train-head
    version: 1
    fingerprint: ${'a'.repeat(60)}${String(epochs).padStart(4, '0')}
    with:
      epochs: ${epochs}
      "<b>|\`@team": "x|y"

  score:
    kind: evaluate
    version: 1
    fingerprint: ${'b'.repeat(64)}
    engine: ort 1.30.0 cpu
    metrics:
      accuracy: 0.9
      log-loss: ${loss}
${more}`;
}

let rig: CliRig;
let git: ReturnType<typeof gitIn>;

beforeAll(() => {
  rig = new CliRig();
  git = gitIn(rig.folder);
  git('init', '-q');
  rig.write(LOCK, lock(20, 0.5));
  git('add', '-A');
  git('commit', '-q', '-m', 'one');
  rig.write(LOCK, lock(5, 0.75));
  rig.write('other/b.lock.yaml', lock(1, '"NaN"'));
  git('add', '-A');
  git('commit', '-q', '-m', 'two');
  git('branch', 'topic/longer');
});
afterAll(() => rig[Symbol.dispose]());

describe('pipe diff', () => {
  it('shows settings and metrics with arrows and deltas', async () => {
    const { code, stdout, stderr } = await rig.run('diff', 'HEAD~1', 'HEAD');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain('pipelines/quickstart  HEAD~1 → HEAD\n  head\n    epochs  20 → 5\n');
    expect(stdout).toContain('log-loss  0.5 → 0.75  ▲ +0.25 worse\n');
    expect(stdout).not.toContain('accuracy  0.9');
    expect(stdout).toContain('other/b  HEAD~1 → HEAD  (new)\n');
    expect((await rig.run('diff', 'HEAD~1..HEAD')).stdout).toBe(stdout);
    expect((await rig.run('diff', 'HEAD~1', 'topic/longer')).stdout).toContain('0.5 → 0.75');
  });

  it('compares with the work tree, also files that git does not know yet', async () => {
    expect((await rig.run('diff')).stdout).toBe('no setting or metric differs between HEAD and work tree\n');
    rig.write(LOCK, lock(7, 0.25));
    rig.write('new.lock.yaml', lock(7, 0.25));
    const { stdout } = await rig.run('diff');
    expect(stdout).toContain('epochs  5 → 7\n');
    expect(stdout).toContain('0.75 → 0.25  ▼ −0.5 better\n');
    expect(stdout).toContain('new  HEAD → work tree  (new)\n');
    git('checkout', '-q', '.');
    git('clean', '-q', '-f', 'new.lock.yaml');
  });

  it('is JSON on request', async () => {
    const { stdout } = await rig.run('diff', 'HEAD~1', 'HEAD', '--json');
    const parsed: { pipelines: { pipeline: string; differences: object[] }[] } = JSON.parse(stdout);
    expect(parsed).toMatchObject({ format: 1, from: 'HEAD~1', to: 'HEAD', diagnostics: [] });
    expect(parsed.pipelines.map(({ pipeline }) => pipeline)).toEqual(['other/b', 'pipelines/quickstart']);
    expect(parsed.pipelines[1]?.differences).toEqual([
      { stage: 'head', aspect: 'setting', path: 'epochs', before: 20, after: 5 },
      { stage: 'score', aspect: 'metric', path: 'log-loss', before: 0.5, after: 0.75, delta: 0.25 },
    ]);
    expect(parsed.pipelines[0]?.differences).toContainEqual(
      expect.objectContaining({ path: 'log-loss', after: 'NaN', delta: null }),
    );
  });

  it('is Markdown in which names stay text', async () => {
    const { stdout } = await rig.run('diff', 'HEAD~1', 'HEAD', '--markdown');
    expect(stdout).toContain('### `pipelines/quickstart`: `HEAD~1` → `HEAD`\n');
    expect(stdout).toContain('| `score.log-loss` | 0.5 | 0.75 | ▲ +0.25 (worse) |\n');
    expect(stdout).toContain('| `head.epochs` | `20` | `5` |\n');
    rig.write(LOCK, lock(5, 0.75).replace('x|y', '</td>`\\e[31m|'));
    const { stdout: nasty } = await rig.run('diff', '--markdown');
    expect(nasty).toContain('| `` head.<b>\\|`@team `` | `x\\|y` | `` </td>`\\u001b[31m\\| `` |');
    git('checkout', '-q', LOCK);
  });

  it.each([
    [['diff', 'nowhere'], 2, 'error[L012]: unknown revision "nowhere"'],
    [['diff', 'topic/longr'], 2, 'did you mean "topic/longer"?'],
    [['diff', '--', '--output=x'], 2, 'L012'],
    [['diff', 'a', 'b', 'c'], 2, 'at most two revisions'],
  ])('refuses %j with exit code %i', async (args, exit, words) => {
    const { code, stderr } = await rig.run(...args);
    expect(stderr).toContain(words);
    expect(code).toBe(exit);
  });

  it('says so without git, and outside of a repository or before the first commit', async () => {
    const without = await finished(rig.start(['diff'], { PATH: '/nowhere' }));
    expect(without.stderr).toContain('error[L010]');
    expect(without.code).toBe(6);
    using elsewhere = new CliRig();
    const outside = await elsewhere.run('diff');
    expect(outside.stderr).toContain('error[L011]');
    expect(outside.code).toBe(2);
    gitIn(elsewhere.folder)('init', '-q');
    const empty = await elsewhere.run('diff');
    expect(empty.stderr).toContain('there is no commit yet');
    expect(empty.code).toBe(2);
  });

  it('tells a lock file that is damaged, newer or in conflict from the others, which it shows', async () => {
    for (const [code, text] of [
      ['L003', 'lock: 1\nstages: {a: {kind: 5}}\npipeline: x\n'],
      ['L004', 'lock: 7\n'],
      ['L005', '<<<<<<< HEAD\n'],
    ] as const) {
      rig.write(LOCK, text);
      rig.write('other/b.lock.yaml', lock(2, 0.1));
      const { code: exit, stdout, stderr } = await rig.run('diff');
      expect(stderr).toContain(`error[${code}]: ${LOCK}`);
      expect(stdout).toContain('epochs  1 → 2');
      expect(exit).toBe(5);
    }
    git('checkout', '-q', '.');
  });
});

describe('the sample workflow', () => {
  it('is YAML, and calls commands and options that exist', async () => {
    const text = readFileSync(join(repository, 'docs/experiments-in-git.md'), 'utf8');
    const [, sample = ''] = /```yaml[^\n]*\n(name: pipeline\n[\s\S]*?)```/.exec(text) ?? [];
    const workflow: { jobs: { pipeline: { steps: { run?: string }[] } } } = parse(sample);
    const calls = workflow.jobs.pipeline.steps.flatMap(({ run = '' }) =>
      [...run.matchAll(/npx pipe (.*)/g)].map(([, words = '']) => words),
    );
    expect(calls).toHaveLength(2);
    for (const words of calls) {
      const { stdout } = await rig.run(words.split(' ')[0] ?? '', '--help');
      for (const [option] of words.matchAll(/--[a-z]+/g)) expect(stdout).toContain(option);
    }
  });
});

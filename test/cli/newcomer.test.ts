/** What somebody meets on the first day: `pipe init`, wrong usage, a failed run, and the answers to "why". */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { CliRig, finished } from '../cli-rig.ts';

const colours = { red: [200, 40, 40], blue: [40, 40, 200] } as const;

/** Eight plain images of each of two classes, in a folder each. */
async function writePhotos(rig: CliRig, folder: string): Promise<void> {
  for (const [name, [r, g, b]] of Object.entries(colours)) {
    mkdirSync(rig.path(join(folder, name)), { recursive: true });
    for (let i = 0; i < 8; i++) {
      const image = sharp({ create: { width: 40, height: 40, channels: 3, background: { r: r - i, g: g + i, b } } });
      writeFileSync(rig.path(join(folder, name, `${i}.png`)), await image.png().toBuffer());
    }
  }
}

/** The proposed file with the backbone that ships. */
function useSmallBackbone(rig: CliRig, file: string): void {
  const text = readFileSync(rig.path(file), 'utf8')
    .replace(/backbone: vgg16.*/, 'backbone: vgg-mini')
    .replace(/ *weights: imagenet.*\n/, '')
    .replace('size: [224, 224]', 'size: 32');
  writeFileSync(rig.path(file), text);
}

describe('pipe init', () => {
  it('writes, among class folders, a pipeline that runs there, twice', async () => {
    using rig = new CliRig();
    await writePhotos(rig, 'photos');
    const made = await rig.run('init', 'photos');
    expect(made.stdout).toContain('next: pipe run photos/pipeline.yaml');
    useSmallBackbone(rig, 'photos/pipeline.yaml');
    expect(await rig.run('run', 'photos/pipeline.yaml')).toMatchObject({ code: 0 });
    expect(existsSync(rig.path('photos/pipeline.lock.yaml'))).toBe(true);
    const again = await rig.run('run', 'photos/pipeline.yaml');
    expect(again.stdout).toContain('6 of 6 stages from cache');
    expect(readFileSync(rig.path('photos/.gitignore'), 'utf8')).toBe('.pipe/\nresults/\n');
  });

  it('takes --data from where it is called, makes the folder, and says where it looked', async () => {
    using rig = new CliRig();
    await writePhotos(rig, 'photos');
    const { code, json } = await rig.run('init', 'project', '--data', 'photos', '--json');
    expect(code).toBe(0);
    expect(json()[0]).toMatchObject({ found: 'photos: a folder a class (train): blue, red' });
    expect(rig.read('project/pipeline.yaml')).toContain('train: ../photos ');
    const nowhere = await rig.run('init', 'nowhere');
    expect(nowhere.code).toBe(4);
    expect(nowhere.stderr).toMatch(/error\[P040\]: there is no folder .*nowhere/);
    expect(existsSync(rig.path('nowhere'))).toBe(false);
  });
});

describe('wrong usage', () => {
  it.each([
    [['rnu'], "unknown command 'rnu'", 'did you mean run?'],
    [['run'], "missing required argument 'file'", '`--help` says what is taken'],
    [['run', 'x', '--jsn'], "unknown option '--jsn'", 'did you mean --json?'],
    [
      ['run', 'x', '--engine', 'foo'],
      "option '--engine <id>' argument 'foo' is invalid",
      '`--help` says what is taken',
    ],
  ])('%j has a code and a way out, also as JSON', async (words, message, help) => {
    using rig = new CliRig();
    const plain = await rig.run(...words);
    expect(plain.code).toBe(2);
    expect(plain.stderr).toContain(`error[U001]: ${message}`);
    expect(plain.stderr).toContain(`= help: ${help}`);
    const { code, stdout, stderr, json } = await rig.run(...words, '--json');
    expect({ code, stderr, lines: stdout.trimEnd().split('\n').length }).toEqual({ code: 2, stderr: '', lines: 1 });
    expect(json()[0]).toMatchObject({
      diagnostics: [{ code: 'U001', severity: 'error', message: expect.stringContaining(message), help }],
    });
  });

  it('of the collector is refused', async () => {
    using rig = new CliRig();
    const words = await rig.run('cache', 'gc', '--keep-last', 'some');
    expect(words.code).toBe(2);
    expect(words.stderr).toContain('--keep-last takes a whole number, not some');
  });

  it('is explained in the help of each command', async () => {
    using rig = new CliRig();
    const { stdout } = await rig.run('plan', '--help');
    expect(stdout).toMatch(/--json +JSON on stdout/);
    expect(stdout).not.toContain('(default: [])');
  });
});

describe('after a failure', () => {
  it('a stage that never finished was not run before, and one that did is compared with that', async () => {
    using rig = new CliRig();
    await writePhotos(rig, 'photos');
    await rig.run('init', '--data', 'photos');
    useSmallBackbone(rig, 'pipeline.yaml');
    const bad = ['--set', 'features.layer=nothing'];
    expect((await rig.run('run', 'pipeline.yaml', ...bad)).code).toBe(3);
    writeFileSync(rig.path('photos/red/0.png'), 'no image');
    expect((await rig.run('run', 'pipeline.yaml')).code).toBe(4);
    const second = await rig.last('run', 'pipeline.yaml');
    expect(second.stages['features']).toMatchObject({ status: 'failed', reason: { type: 'new' } });
    await writePhotos(rig, 'photos');
    expect((await rig.run('run', 'pipeline.yaml')).code).toBe(0);
    const why = await rig.run('why', 'pipeline.yaml', 'head');
    expect(why.stdout).toBe('head is cached: nothing that decides what it gives has changed\n');
    const set = await rig.run('why', 'pipeline.yaml', 'head', '--set', 'head.batch=8');
    expect(set.stdout).toContain('head: batch 32 → 8 (--set head.batch=8)');
    const [last, before] = [await rig.run('show', '@last', '--json'), await rig.run('show', '@last~1', '--json')];
    expect(last.json()[0]).toMatchObject({ summary: { outcome: 'succeeded' } });
    expect(before.json()[0]).toMatchObject({ summary: { outcome: 'failed' } });
    expect((await rig.run('show', '@last~99')).code).toBe(2);
  });
});

it('leaves no trace of a telemetry in the home folder', async () => {
  using rig = CliRig.quickstart();
  mkdirSync(rig.path('user'));
  const { code } = await finished(
    rig.start(['run', 'quickstart', 'features'], { HOME: rig.path('user'), XDG_CACHE_HOME: '' }),
  );
  expect(code).toBe(0);
  expect(existsSync(rig.path('user/.cache'))).toBe(false);
});

/** `pipe engines install` and `remove`, with stand-ins of npm, pip and the compiler: what is there afterwards, whatever happens. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finished } from '../cli-rig.ts';
import { diagnosed, EngineRig } from './engine-rig.ts';

let rig: EngineRig;
let environment: Record<string, string>;
beforeEach(() => {
  rig = new EngineRig();
  const tools = rig.cli.path('tools');
  mkdirSync(tools);
  for (const name of ['npm', 'python3', 'g++']) {
    copyFileSync(fileURLToPath(new URL('tool.cjs', import.meta.url)), join(tools, name));
    chmodSync(join(tools, name), 0o755);
  }
  symlinkSync(process.execPath, join(tools, 'node'));
  rig.cli.write('tools/index.js', `require(${JSON.stringify(rig.standIn)});`);
  environment = { PATH: `${tools}:/usr/bin:/bin`, FAULT: '{"idle":true}' };
});
afterEach(() => rig[Symbol.dispose]());

const pipe = (...given: readonly string[]) => rig.pipe(given, { idle: true }, environment);
const install = (...more: readonly string[]) => pipe('engines', 'install', 'tfjs-node', '--json', ...more);
const there = () =>
  (existsSync(rig.cli.path('home/engines')) ? readdirSync(rig.cli.path('home/engines')) : []).filter(
    (name) => name !== 'measured.json',
  );
const calls = () =>
  existsSync(rig.cli.path('tools/calls.txt')) ? rig.cli.read('tools/calls.txt').trim().split('\n') : [];

async function usable(): Promise<boolean> {
  const { stdout } = await pipe('engines', 'list');
  return /✓ tfjs-node /.test(stdout);
}

/** Starts an installation and resolves once the tool that hangs has been called. */
async function startedUntil(tool: string) {
  writeFileSync(rig.cli.path(`tools/${tool}.hangs`), '');
  const called = new Promise<void>((resolve) => {
    const watcher = watch(rig.cli.path('tools'), () => {
      if (!calls().some((line) => line.startsWith(tool))) return;
      watcher.close();
      resolve();
    });
  });
  const child = rig.cli.start(['engines', 'install', 'tfjs-node'], environment);
  const end = finished(child);
  await called;
  return { child, end };
}

describe.skipIf(`${process.platform} ${process.arch}` !== 'linux x64')('pipe engines install', () => {
  it('builds, tests, is instant the second time, and can be removed', async () => {
    const first = await install();
    expect(first.code, first.stdout + first.stderr).toBe(0);
    expect(first.json()).toMatchObject([{ installed: 'tfjs-node', built: true, test: { passed: true } }]);
    expect(calls().map((line) => line.split(' ')[0])).toEqual(['npm', 'python3', 'python3', 'python3', 'g++']);
    expect(there()).toEqual(['tfjs-node']);
    expect(await usable()).toBe(true);

    const second = await install();
    expect(second.json()).toMatchObject([{ installed: 'tfjs-node', built: false }]);
    expect(calls()).toHaveLength(5);

    const forced = await install('--force');
    expect(forced.json()).toMatchObject([{ built: true }]);
    expect(calls()).toHaveLength(10);
    expect(there()).toEqual(['tfjs-node']);

    const removed = await pipe('engines', 'remove', 'tfjs-node', '--json');
    expect(removed.json()).toEqual([{ removed: 'tfjs-node' }]);
    expect(there()).toEqual([]);
    expect(await usable()).toBe(false);
    expect((await pipe('engines', 'remove', 'tfjs-node', '--json')).json()).toEqual([{ removed: null }]);
  });

  it.each(['npm', 'python3', 'g++'])('killed during %s: nothing is there, and the next one clears up', async (tool) => {
    const { child, end } = await startedUntil(tool);
    // The whole group, as a machine that goes down would.
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await end;
    expect(await usable()).toBe(false);
    expect(existsSync(rig.cli.path('home/engines/tfjs-node'))).toBe(false);
    rmSync(rig.cli.path(`tools/${tool}.hangs`));
    expect((await install()).code).toBe(0);
    expect(there()).toEqual(['tfjs-node']);
    expect(await usable()).toBe(true);
  });

  it('interrupted: nothing is left, and the one from before is still there', async () => {
    expect((await install()).code).toBe(0);
    rmSync(rig.cli.path('tools/calls.txt'));
    writeFileSync(rig.cli.path('home/engines/tfjs-node/pipe-engine.json'), '{ "version": "4.0.0" }');
    const { child, end } = await startedUntil('g++');
    child.kill('SIGINT');
    expect((await end).code).toBe(130);
    expect(there()).toEqual(['tfjs-node']);
    expect(await usable()).toBe(true);
  });

  it('with a failing tool: its last words, and the one from before is still there', async () => {
    expect((await install()).code).toBe(0);
    writeFileSync(rig.cli.path('tools/g++.fails'), 'tfjs_backend.cc:17:10: fatal error: no such header\n');
    const result = await install('--force');
    expect(result.code).toBe(6);
    expect(diagnosed(result, 'E005')).toMatchObject([
      { message: expect.stringContaining('fatal error: no such header') },
    ]);
    expect(there()).toEqual(['tfjs-node']);
    expect(await usable()).toBe(true);
  });

  it('does not put in place what cannot be loaded', async () => {
    rig.cli.write('tools/index.js', "throw new Error('libtensorflow_cc.so.2: undefined symbol: TF_NewTensor');");
    const result = await install();
    expect(result.code).toBe(6);
    expect(diagnosed(result, 'E006')).toMatchObject([{ message: expect.stringContaining('undefined symbol') }]);
    expect(there()).toEqual([]);
  });

  it('names all tools that are missing, and their packages', async () => {
    environment['PATH'] = dirname(rig.cli.write('empty/nothing', ''));
    const result = await install();
    expect(result.code).toBe(6);
    expect(diagnosed(result, 'E004')).toMatchObject([
      {
        message: 'to build an engine there is missing: npm, python3, pip of python3, g++',
        help: expect.stringContaining('apt-get install npm python3 python3-pip g++'),
      },
    ]);
    expect(there()).toEqual([]);
  });

  it('is refused offline, and for a name that it does not know', async () => {
    expect(diagnosed(await install('--offline'), 'E005')).toHaveLength(1);
    const unknown = await pipe('engines', 'install', 'tfjs-nod', '--json');
    expect(unknown.code).toBe(2);
    expect(diagnosed(unknown, 'U001')).toMatchObject([{ help: expect.stringContaining('tfjs-node') }]);
    expect(calls()).toEqual([]);
  });
});

import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clusteredRows, StageRig } from '../../../test/stage-rig.ts';
import { problem } from '../../base/diagnostic.ts';
import { digestOf } from '../../base/digest.ts';
import type { Json } from '../../base/json.ts';
import { err, ok } from '../../base/result.ts';
import { decodeNpy } from '../../files/npy.ts';
import type { ResolveContext } from '../stage-kind.ts';
import { exec } from './index.ts';
import { body } from './run.ts';

let rig: StageRig;
beforeEach(() => {
  rig = new StageRig();
});
afterEach(() => rig[Symbol.dispose]());

const node = process.execPath;

function run(given: Json, asked: Partial<Parameters<StageRig['context']>[0]> = {}) {
  return body.run(exec.complete(given), rig.context({ inputs: {}, ...asked }));
}

/** The outputs as text, by name. */
async function outputsOf(
  given: Json,
  asked: Partial<Parameters<StageRig['context']>[0]> = {},
): Promise<Record<string, string>> {
  const outcome = await run(given, asked);
  const files = outcome.ok ? outcome.value.artifacts['files'] : undefined;
  if (files?.type !== 'files') throw new Error(JSON.stringify(outcome));
  return Object.fromEntries(
    files.outputs.map(({ name, blob }) => [name, readFileSync(rig.cache.blobs.path(blob), 'utf8')]),
  );
}

const resolveContext: ResolveContext = {
  baseDirectory: () => rig.folder,
  at: () => undefined,
  digests: {
    of: async (path) =>
      existsSync(path) ? ok(digestOf(readFileSync(path))) : err(problem('D001', `${path} is missing`)),
  },
  memo: { get: () => undefined, set: () => {} },
  home: '',
  offline: true,
  root: '',
};

/** Whether a process is there and not a zombie. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('exec', () => {
  it('runs on declared inputs, fills placeholders and keeps declared outputs', async () => {
    writeFileSync(join(rig.folder, 'in.txt'), 'hello');
    const script =
      'const fs=require("fs");fs.writeFileSync(process.argv[2],fs.readFileSync(process.argv[1]+"")+process.argv[3]+process.env.PIPE_SEED)';
    const command = [node, '-e', script, '{inputs.text}', '{outputs.copy}', '{seed}'];
    const outputs = await outputsOf(
      { command, inputs: { text: 'in.txt' }, outputs: { copy: 'deep/copy.txt' } },
      { seed: 42 },
    );
    expect(outputs).toEqual({ 'deep/copy.txt': 'hello4242' });
  });

  it('C16 leaves metacharacters and other braces alone', async () => {
    const odd = '$(touch pwned); `x` | > & {"a": {b}} *';
    const outputs = await outputsOf({
      command: [node, '-e', 'require("fs").writeFileSync("o",process.argv[1])', odd],
      outputs: { o: 'o' },
    });
    expect(outputs['o']).toBe(odd);
  });

  it('gives artifacts as folders of files', async () => {
    const { table, numbers, shape } = clusteredRows({ train: 3 });
    const data = await rig.features(table, shape, numbers);
    const copy =
      'const fs=require("fs");for(const f of ["features.npy","rows.csv"])fs.copyFileSync(process.argv[1]+"/"+f,f)';
    const outcome = await run(
      { command: [node, '-e', copy, '{from.data}'], outputs: { n: 'features.npy', r: 'rows.csv' } },
      { inputs: { data } },
    );
    const files = outcome.ok ? outcome.value.artifacts['files'] : undefined;
    if (files?.type !== 'files') throw new Error(JSON.stringify(outcome));
    const [npy, csv] = files.outputs.map(({ blob }) => readFileSync(rig.cache.blobs.path(blob)));
    expect(npy && decodeNpy(npy)).toEqual({ shape: [3, 4], numbers });
    expect(csv?.toString().split('\n')[1]).toBe('train/0.png,train,class 0');
  });

  it('P7 reports a failing command with the end of what it wrote, however much that is', async () => {
    const flood =
      'const c="x".repeat(99)+"\\n";for(let i=0;i<200000;i++)process.stdout.write(c);process.stderr.write("the end\\n",()=>process.exit(3))';
    const outcome = await run({ command: [node, '-e', flood] });
    if (outcome.ok || outcome.error.reason !== 'diagnostics') throw new Error('it did not fail');
    const [diagnostic] = outcome.error.diagnostics;
    expect(diagnostic).toMatchObject({ code: 'S030', message: expect.stringContaining('exit code 3') });
    expect(diagnostic?.help).toContain('the end');
    expect(diagnostic?.help?.length).toBeLessThan(6000);
  });

  it('P7 ends a command that takes too long, and its grandchildren', async () => {
    const script = `const c=require("child_process").spawn(process.execPath,["-e","setInterval(()=>{},1000)"],{stdio:"inherit"});console.log("pid "+c.pid);setInterval(()=>{},1000)`;
    const outcome = await run({ command: [node, '-e', script], timeoutSeconds: 1 });
    if (outcome.ok || outcome.error.reason !== 'diagnostics') throw new Error('it did not fail');
    const [diagnostic] = outcome.error.diagnostics;
    expect(diagnostic?.code).toBe('S032');
    const pid = Number(/pid (\d+)/.exec(diagnostic?.help ?? '')?.[1]);
    expect(pid).toBeGreaterThan(0);
    expect(isAlive(pid)).toBe(false);
  });

  it('P7 leaves no grandchild behind a command that ended well', async () => {
    const script = `const c=require("child_process").spawn(process.execPath,["-e","setInterval(()=>{},1000)"],{stdio:"inherit"});require("fs").writeFileSync("pid",""+c.pid);process.exit(0)`;
    const outputs = await outputsOf({ command: [node, '-e', script], outputs: { pid: 'pid' } });
    expect(isAlive(Number(outputs['pid']))).toBe(false);
  });

  it('P1 stops when the run is interrupted', async () => {
    const controller = new AbortController();
    let pid = 0;
    const progress = (_done: number, _total: number, note?: string) => {
      pid = Number(note);
      controller.abort();
    };
    const outcome = await run(
      { command: [node, '-e', 'console.log(process.pid);setInterval(()=>{},1000)'] },
      { signal: controller.signal, progress },
    );
    expect(outcome).toEqual({ ok: false, error: { reason: 'interrupted' } });
    expect(isAlive(pid)).toBe(false);
  });

  it('P8 fails when a declared output is missing, a folder, or a link out of the working folder', async () => {
    const missing = await run({ command: [node, '-e', '0'], outputs: { table: 'table.csv' } });
    expect(missing).toMatchObject({
      error: { diagnostics: [{ code: 'S031', message: expect.stringContaining('table.csv') }] },
    });
    const folder = await run({ command: [node, '-e', 'require("fs").mkdirSync("t")'], outputs: { t: 't' } });
    expect(folder).toMatchObject({ error: { diagnostics: [{ code: 'S031' }] } });
    const link = await run({
      command: [node, '-e', 'require("fs").symlinkSync("/etc/hostname","t")'],
      outputs: { t: 't' },
    });
    expect(link).toMatchObject({ error: { diagnostics: [{ code: 'S031' }] } });
  });

  it('starts in an empty folder each time', async () => {
    const checkpoints = join(rig.folder, 'again');
    mkdirSync(join(checkpoints, 'work'), { recursive: true });
    writeFileSync(join(checkpoints, 'work', 'stale.csv'), 'old');
    expect(await run({ command: [node, '-e', '0'], outputs: { t: 'stale.csv' } }, { checkpoints })).toMatchObject({
      error: { diagnostics: [{ code: 'S031' }] },
    });
  });

  it('names a program that is not there and a placeholder that stands for nothing', async () => {
    expect(await run({ command: ['no-such-program-here'] })).toMatchObject({
      error: {
        diagnostics: [{ code: 'S034', message: 'no-such-program-here cannot be started: there is no such program' }],
      },
    });
    expect(await run({ command: [node, '{inputs.scirpt}'], inputs: { script: 'x' } })).toMatchObject({
      error: { diagnostics: [{ code: 'S033', help: 'did you mean "script"?' }] },
    });
  });

  it('fingerprints inputs by content, and not the time limit', async () => {
    writeFileSync(join(rig.folder, 'a.txt'), 'same');
    symlinkSync(join(rig.folder, 'a.txt'), join(rig.folder, 'b.txt'));
    const identity = async (given: Json) => {
      const resolved = await exec.resolve?.(exec.complete(given), resolveContext);
      return resolved?.ok ? resolved.value.identity : resolved;
    };
    const one = await identity({ command: ['x'], inputs: { t: 'a.txt' } });
    expect(await identity({ command: ['x'], inputs: { t: 'b.txt' }, timeoutSeconds: 9 })).toEqual(one);
    writeFileSync(join(rig.folder, 'a.txt'), 'other');
    expect(await identity({ command: ['x'], inputs: { t: 'a.txt' } })).not.toEqual(one);
    expect(await identity({ command: ['x'], inputs: { t: 'gone.txt' } })).toMatchObject({ ok: false });
  });
});

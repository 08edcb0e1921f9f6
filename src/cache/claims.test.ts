import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type ClaimOwner, ownerState, thisProcess } from './claim-owner.ts';
import { DiskClaims } from './disk-claims.ts';

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'claims-')), 'claims');
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

const never = new AbortController().signal;
const quiet = { done: () => false, onWait: () => {}, signal: never };

function writeClaim(name: string, owner: Partial<ClaimOwner>): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), JSON.stringify({ ...thisProcess(), token: 'another', ...owner }));
}

/** The pid of a process that has ended. */
function deadPid(): number {
  return Number(execFileSync(process.execPath, ['-p', 'process.pid']).toString());
}

it('gives a claim to one at a time, says who is waited for, and lets the next one in', async () => {
  const [one, two] = [new DiskClaims(folder), new DiskClaims(folder)];
  const first = await one.take('stage-a', quiet);
  const waits: string[] = [];
  let taken = false;
  const second = two.take('stage-a', { ...quiet, onWait: (owner) => waits.push(owner) }).then((claim) => {
    taken = true;
    return claim;
  });
  await vi.waitFor(() => expect(waits).toEqual([`process ${process.pid}`]));
  expect(taken).toBe(false);
  expect(await one.take('stage-b', quiet)).toBeDefined();
  first?.release();
  const claim = await second;
  expect(claim).toBeDefined();
  first?.release();
  expect(readdirSync(folder).sort()).toEqual(['stage-a', 'stage-b']);
  claim?.release();
  expect(readdirSync(folder)).toEqual(['stage-b']);
  expect(waits).toHaveLength(1);
});

it('stops waiting when the owner has done the work, and when the run is interrupted', async () => {
  const claims = new DiskClaims(folder);
  const held = await claims.take('a', quiet);
  let done = false;
  const waiting = claims.take('a', { ...quiet, done: () => done });
  done = true;
  expect(await waiting).toBeUndefined();
  const controller = new AbortController();
  const interrupted = claims.take('a', { ...quiet, signal: controller.signal });
  controller.abort();
  expect(await interrupted).toBeUndefined();
  held?.release();
});

it('K8: takes over at once from a process that is dead', async () => {
  writeClaim('a', { pid: deadPid() });
  const waits: string[] = [];
  const claim = await new DiskClaims(folder).take('a', { ...quiet, onWait: (owner) => waits.push(owner) });
  expect(waits).toEqual([]);
  expect(readFileSync(join(folder, 'a'), 'utf8')).toContain(`"pid":${process.pid},`);
  claim?.release();
  expect(readdirSync(folder)).toEqual([]);
});

it.skipIf(process.platform !== 'linux')(
  'K8: takes over at once when the pid has been given to another process (start times: Linux)',
  async () => {
    writeClaim('a', { started: '1' });
    expect(await new DiskClaims(folder).take('a', quiet)).toBeDefined();
    expect(ownerState({ ...thisProcess(), token: '' })).toBe('alive');
  },
);

it.skipIf(process.platform !== 'linux')('K8: takes over from a zombie (Linux)', async () => {
  // The shell's child ends, and the sleeping program that takes the shell's place never asks for it.
  const parent = spawn('sh', ['-c', 'sh -c "echo \\$\\$" & exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const pid = Number(await new Promise<Buffer>((resolve) => parent.stdout.once('data', resolve)));
    const stat = () => readFileSync(`/proc/${pid}/stat`, 'utf8');
    await vi.waitFor(() => expect(stat()).toContain(') Z '), { timeout: 10_000 });
    const started =
      stat()
        .slice(stat().lastIndexOf(')') + 2)
        .split(' ')[19] ?? '';
    expect(ownerState({ ...thisProcess(), pid, started, token: '' })).toBe('dead');
  } finally {
    parent.kill();
  }
});

it.each([
  ['another host', { host: 'elsewhere' }],
  ['another boot', { boot: 'earlier' }],
  ['another container', { namespace: 'pid:[1]' }],
])('K8 K15: waits for %s while its heart beats, whatever its clock says, and no longer', async (_, owner) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  writeClaim('a', { ...owner, pid: deadPid() });
  let taken = false;
  const waiting = new DiskClaims(folder).take('a', quiet).then((claim) => {
    taken = true;
    return claim;
  });
  for (let beat = 0; beat < 10; beat++) {
    // A year back, and moving.
    utimesSync(join(folder, 'a'), 1e9 + beat, 1e9 + beat);
    await vi.advanceTimersByTimeAsync(15_000);
  }
  expect(taken).toBe(false);
  await vi.advanceTimersByTimeAsync(21_000);
  expect(taken).toBe(true);
  (await waiting)?.release();
});

it('K8: a claim that is no claim is not waited for beyond the heartbeat', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'a'), '');
  const waiting = new DiskClaims(folder).take('a', quiet);
  await vi.advanceTimersByTimeAsync(21_000);
  expect(await waiting).toBeDefined();
});

it('K12: gives a claim that binds nobody where the folder cannot be made', async () => {
  writeFileSync(folder, 'a file in its place');
  const claims = new DiskClaims(folder);
  const [one, two] = [await claims.take('a', quiet), await claims.take('a', quiet)];
  expect(one && two).toBeDefined();
  one?.release();
});

it('K17: any name makes a safe file name', async () => {
  const claims = new DiskClaims(folder);
  await claims.take('../../etc/Päss wd', quiet);
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^claim-[0-9a-f]{40}$/)]);
  expect(claims.live()).toHaveLength(1);
});

/** The cache under kill -9, power cuts, full and failing disks, at every step that it takes on the disk. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesIn } from './cache-rig.ts';
import { type Ended, type Fault, ProgramRig } from './program-rig.ts';

const rig = new ProgramRig();
let program: string;
let steps: number;
let bytes: number;
let right: string;

interface Report {
  readonly result?: string;
  readonly computed?: number;
  readonly refused?: string;
  readonly errno?: string;
  readonly said: readonly string[];
}

function reportOf({ stdout, stderr, code, signal }: Ended): Report {
  if (!stdout) throw new Error(`no report; code ${code}, signal ${signal}: ${stderr}`);
  const report: Report = JSON.parse(stdout);
  return report;
}

beforeAll(async () => {
  program = await rig.bundle('small-run.ts');
  const folder = rig.freshCache();
  const count = join(rig.folder, 'count');
  const first = reportOf(await rig.run(program, [folder], { fault: { below: folder, count } }));
  steps = Number(readFileSync(count, 'utf8'));
  right = first.result ?? '';
  bytes = filesIn(folder).reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0);
  expect(steps).toBeGreaterThan(30);
  expect(first.computed).toBe(12);
  expect(reportOf(await rig.run(program, [folder]))).toEqual({ result: right, computed: 0, said: [] });
});
afterAll(() => rig[Symbol.dispose]());

/** Runs with a fault, then without: the second must always come out right. Two at a time, for two cores. */
async function everyRun(
  faults: readonly Fault[],
  check: (faulty: Ended, after: Report, folder: string, fault: Fault) => void,
): Promise<void> {
  const queue = [...faults];
  const worker = async () => {
    for (let fault = queue.shift(); fault; fault = queue.shift()) {
      const folder = rig.freshCache();
      const faulty = await rig.run(program, [folder], { fault: { ...fault, below: folder } });
      const after = reportOf(await rig.run(program, [folder]));
      expect(after.result, JSON.stringify(fault)).toBe(right);
      check(faulty, after, folder, fault);
    }
  };
  await Promise.all([worker(), worker()]);
}

const atEveryStep = (fault: Fault): readonly Fault[] =>
  Array.from({ length: steps }, (_, i) => ({ ...fault, at: i + 1 }));

/** A fifth of the steps, from one on: with five kinds of refusal, each step meets some. */
const atSomeSteps = (fault: Fault, from: number): readonly Fault[] =>
  atEveryStep(fault).filter((_, i) => i % 5 === from % 5);

describe('a run that dies', () => {
  it('K4: by kill -9 at any write, flush, rename or link leaves a cache in which the next run is right, and keeps finished rows', async () => {
    const again: number[] = [];
    await everyRun(atEveryStep({ do: 'kill' }), (faulty, after, _, fault) => {
      expect(faulty.signal, JSON.stringify(fault)).toBe('SIGKILL');
      expect(after.said).toEqual([]);
      again[(fault.at ?? 1) - 1] = after.computed ?? 0;
    });
    // Later deaths keep more rows: after each batch of 5 there are fewer to compute.
    expect(again).toEqual([...again].sort((a, b) => b - a));
    expect(again).toEqual(expect.arrayContaining([12, 7, 2, 0]));
  }, 240_000);

  it.each(['power', 'nuls'])(
    'K5: by a power cut (%s in place of what was not flushed), at any step, the same',
    async (cut) => {
      await everyRun(atSomeSteps({ do: cut }, cut === 'nuls' ? 2 : 0), (faulty, _, __, fault) => {
        expect(faulty.signal, JSON.stringify(fault)).toBe('SIGKILL');
      });
    },
    240_000,
  );
});

describe('a disk that refuses', () => {
  it.each(['ENOSPC', 'EIO', 'EDQUOT'])(
    'K11: with %s at any step ends in a clean refusal or not at all, and the rerun is right',
    async (errno) => {
      let refusals = 0;
      await everyRun(atSomeSteps({ do: errno }, errno.length % 5), (faulty, _, __, fault) => {
        const report = reportOf(faulty);
        expect([0, 7], `${JSON.stringify(fault)} ${faulty.stderr}`).toContain(faulty.code);
        if (faulty.code === 0) expect(report.result).toBe(right);
        else expect(report.errno).toBe(errno);
        if (faulty.code === 7) refusals++;
      });
      expect(refusals).toBeGreaterThan(steps / 10);
    },
    240_000,
  );

  it('K11: full after any number of bytes: no entry without its parts, no temporary file, what is finished stays', async () => {
    const faults = Array.from({ length: 15 }, (_, i) => ({ bytes: Math.round((bytes * i) / 15), do: 'ENOSPC' }));
    await everyRun(faults, (faulty, after, folder, fault) => {
      expect([0, 7], `${JSON.stringify(fault)} ${faulty.stderr}`).toContain(faulty.code);
      if (faulty.code === 7) expect(reportOf(faulty).refused).toContain('the disk is full');
      expect(after.said).toEqual([]);
      expect(filesIn(folder).filter((name) => name.includes('.tmp-'))).toEqual([]);
    });
  }, 240_000);

  it('K11: a fault that passes: one failing call at any step, and the rerun is right', async () => {
    await everyRun(atSomeSteps({ do: 'EIO', once: true }, 1), (faulty, _, __, fault) => {
      expect([0, 7], `${JSON.stringify(fault)} ${faulty.stderr}`).toContain(faulty.code);
    });
  }, 240_000);

  it.each(['EACCES', 'EROFS'])(
    'K12: with %s at any step the run computes what it misses, keeps nothing, and says so once',
    async (errno) => {
      await everyRun(atSomeSteps({ do: errno }, errno.length % 5), (faulty, _, __, fault) => {
        expect(faulty.code, `${JSON.stringify(fault)} ${faulty.stdout} ${faulty.stderr}`).toBe(0);
        const report = reportOf(faulty);
        expect(report.result).toBe(right);
        expect(report.said.length).toBeLessThanOrEqual(1);
      });
    },
    240_000,
  );
});

describe('a disk that does not read', () => {
  it.each(['.pack', '.idx', 'space.json', '/blobs/', '/entries/'])(
    'K12: EIO on %s costs a computation, never a wrong result',
    async (path) => {
      const folder = rig.freshCache();
      await rig.run(program, [folder]);
      const report = reportOf(await rig.run(program, [folder], { fault: { reads: 'EIO', path } }));
      if (report.result) expect(report.result).toBe(right);
      expect(reportOf(await rig.run(program, [folder])).result).toBe(right);
    },
  );
});

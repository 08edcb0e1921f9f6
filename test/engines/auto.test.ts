/** Which engine `auto` takes, by the speeds that are stored, and what it says. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { engineAdapters } from '../../src/engines/index.ts';
import { keepMeasured, type Measured, thisProcessor } from '../../src/engines/measured.ts';
import type { CliResult } from '../cli-rig.ts';
import { diagnosed, EngineRig } from './engine-rig.ts';
import { writeSmallModel } from './small-model.ts';

let rig: EngineRig;
beforeEach(() => {
  rig = new EngineRig();
  vi.stubEnv('PIPE_HOME', rig.cli.path('home'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rig[Symbol.dispose]();
});

/** Stores a self-test's outcome, as `pipe engines test` does. */
function measured(engine: 'ort' | 'tfjs-node' | 'tfjs-node-gpu', gflops: number, more: Partial<Measured> = {}): void {
  const stamp = engineAdapters.find(({ id }) => id === engine)?.stamp() ?? '';
  keepMeasured({
    engine,
    device: 'cpu',
    stamp,
    machine: thisProcessor(),
    passed: true,
    gflops,
    at: '2026-01-01T00:00:00.000Z',
    ...more,
  });
}

const told = (result: CliResult) => diagnosed(result, 'E009').map(({ message }) => message);

/** A run in which tfjs-node's stand-in ends, where it is what computes. */
async function runOf(...given: readonly string[]) {
  const result = await rig.run(given, { kernel: 'Conv2D', at: 1, do: 'SIGKILL' });
  return { told: told(result), code: result.code, broken: diagnosed(result, 'E003').map(({ message }) => message) };
}

describe('auto', () => {
  beforeEach(() => {
    rig.install('tfjs-node');
  });

  it('takes the fastest engine, and says which and why', async () => {
    measured('ort', 100);
    measured('tfjs-node', 130);
    const { told, broken } = await runOf();
    expect(told).toEqual([
      'auto takes tfjs-node on cpu: 130 GFLOP/s in its self-test here, against 100 GFLOP/s of ort on cpu',
    ]);
    expect(broken).toEqual([expect.stringContaining('the engine tfjs-node on cpu')]);
    expect(await runOf('--engine', 'ort')).toEqual({ told: [], code: 0, broken: [] });
    const { stdout } = await rig.pipe(['engines', 'list']);
    expect(stdout).toContain('auto takes tfjs-node on cpu: 130 GFLOP/s in its self-test here');
  });

  it.each<{ readonly what: string; readonly store: () => void }>([
    { what: 'nothing is measured', store: () => {} },
    { what: 'ort itself is not measured', store: () => measured('tfjs-node', 1000) },
    { what: 'another is not a quarter faster', store: () => measured('tfjs-node', 120) },
    { what: 'another is ten times slower', store: () => measured('tfjs-node', 10) },
    { what: 'another gives wrong numbers', store: () => measured('tfjs-node', 1000, { passed: false }) },
    { what: 'another has been built anew since', store: () => measured('tfjs-node', 1000, { stamp: 'older' }) },
    { what: 'another was measured elsewhere', store: () => measured('tfjs-node', 1000, { machine: 'abacus × 1' }) },
    { what: 'another is gone', store: () => measured('tfjs-node-gpu', 1000, { device: 'cuda', stamp: 'gone' }) },
  ])('stays with ort where $what', async ({ what, store }) => {
    if (what !== 'nothing is measured' && !what.startsWith('ort')) measured('ort', 100);
    store();
    expect(await runOf()).toEqual({ told: [], code: 0, broken: [] });
  });

  it('falls back to ort with a warning where the faster one cannot be loaded any more', async () => {
    measured('ort', 100);
    rig.install('tfjs-node', "require('./lib/tfjs_binding.node');");
    measured('tfjs-node', 300);
    const result = await rig.run([]);
    expect(result.code).toBe(0);
    expect(told(result)).toEqual([
      expect.stringMatching(
        /^ort is taken instead of tfjs-node on cpu, which would be faster \(300 GFLOP\/s .*never built/,
      ),
    ]);
  });

  it('falls back to ort, not to its CPU, where the GPU of the faster one is gone', async () => {
    rig.install('tfjs-node-gpu');
    measured('ort', 100);
    measured('tfjs-node-gpu', 9000, { device: 'cuda' });
    const result = await rig.run([]);
    expect(result.code).toBe(0);
    expect(told(result)).toEqual([
      expect.stringMatching(
        /^ort is taken instead of tfjs-node-gpu on cuda, which would be faster .* runs on cpu here/,
      ),
    ]);
  });

  it('leaves a model file to ort, and says so', async () => {
    measured('ort', 100);
    measured('tfjs-node', 200);
    const result = await rig.pipe(writeSmallModel(rig));
    expect(result.code).toBe(0);
    expect(told(result)).toEqual([
      expect.stringContaining('auto takes tfjs-node on cpu'),
      'a model file runs on ort: tfjs-node cannot run ONNX files',
    ]);
  });
});

describe('int8', () => {
  it('of a network with an operator that is not quantised keeps it in float32, and says so once', async () => {
    const given = writeSmallModel(rig, '--set', 'features.precision=int8');
    const result = await rig.pipe(given);
    expect(result.code).toBe(0);
    expect(diagnosed(result, 'E011')).toMatchObject([
      { severity: 'warning', message: 'Softsign is not quantised: computed in float32' },
    ]);
  });

  it('on another engine is refused', async () => {
    rig.install('tfjs-node');
    const result = await rig.run(['--engine', 'tfjs-node', '--set', 'features.precision=int8']);
    expect(result.code).toBe(6);
    expect(diagnosed(result, 'E010')).toMatchObject([{ severity: 'error', message: expect.stringContaining('int8') }]);
  });
});

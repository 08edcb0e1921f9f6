import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { eagerEngine } from './eager/eager-engine.ts';
import { int8Speeds } from './measure-int8.ts';
import { keepMeasured, type Measured, readMeasured, thisProcessor } from './measured.ts';
import { ortAdapter } from './ort/ort-adapter.ts';

describe('the speed of int8', () => {
  const smallest = [{ name: 'mobilenet-v1', alpha: 0.25 }];

  it('is measured beside that of float32', async () => {
    const opened = await ortAdapter.open({ threads: 1, device: 'cpu' });
    if (!opened.ok) throw new Error(opened.error.message);
    const speeds = await int8Speeds(opened.value, smallest);
    await opened.value.close();
    expect(speeds).toEqual({
      ok: true,
      value: { 'mobilenet-v1 0.25': { float32: expect.any(Number), int8: expect.any(Number) } },
    });
    // Neither stands still nor leaves all hardware behind.
    for (const rate of Object.values(speeds.ok ? (speeds.value['mobilenet-v1 0.25'] ?? {}) : {})) {
      expect(rate).toBeGreaterThan(0.05);
      expect(rate).toBeLessThan(1e5);
    }
  });

  it('is not measured on an engine that has none', async () => {
    await tf.setBackend('cpu');
    const engine = eagerEngine({ engine: 'tfjs-cpu', version: '0', device: 'cpu' });
    expect(await int8Speeds(engine, smallest)).toEqual({ ok: true, value: {} });
  });
});

describe('what is kept of measurements', () => {
  const home = mkdtempSync(join(tmpdir(), 'pipe-test-'));
  beforeAll(() => {
    vi.stubEnv('PIPE_HOME', home);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(home, { recursive: true });
  });
  const bench: Measured = {
    engine: 'ort',
    device: 'cpu',
    stamp: '1',
    machine: thisProcessor(),
    passed: true,
    gflops: 100,
    imagesPerSecond: 3,
    int8: { vgg16: { float32: 100, int8: 300 } },
    at: '2026-01-01',
  };

  it('a shorter test of the same build leaves the longer one be, another build ends it', () => {
    keepMeasured(bench);
    const { int8: _, imagesPerSecond: __, ...test } = { ...bench, gflops: 120, at: '2026-01-02' };
    keepMeasured(test);
    expect(readMeasured()).toEqual([{ ...bench, gflops: 120, at: '2026-01-02' }]);
    keepMeasured({ ...test, stamp: '2' });
    expect(readMeasured()).toEqual([{ ...test, stamp: '2' }]);
  });
});

/** The promises of the quickstart, through the front door: real processes, real files, a real kill -9. */
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { CliRig, eventSeen, finished, type LastLine } from '../cli-rig.ts';

const statuses = (last: LastLine) =>
  Object.fromEntries(Object.entries(last.stages).map(([name, { status }]) => [name, status]));
const ranStages = (last: LastLine) =>
  Object.entries(statuses(last))
    .filter(([, status]) => status === 'ran')
    .map(([name]) => name);

describe('quickstart', () => {
  it('beats the baseline, is cached the second time, and puts its predictions back', async () => {
    using rig = CliRig.quickstart();
    const first = await rig.last('run', 'quickstart');
    expect(first.outcome).toBe('succeeded');
    expect(ranStages(first)).toHaveLength(7);
    const { accuracy = 0, 'baseline-accuracy': baseline = 1 } = first.metrics['score'] ?? {};
    expect(accuracy).toBeGreaterThan(baseline + 0.4);
    const predictions = first.artifacts['submission']?.['predictions'] ?? '';
    const lines = readFileSync(predictions, 'utf8').trimEnd().split('\n');
    expect(lines[0]).toBe('filename,label');
    expect(lines).toHaveLength(101);
    rmSync(predictions);
    const second = await rig.last('run', 'quickstart.yaml');
    expect(new Set(Object.values(statuses(second)))).toEqual(new Set(['cached']));
    expect(second.metrics).toEqual(first.metrics);
    expect(existsSync(predictions)).toBe(true);
    writeFileSync(predictions, 'altered');
    await rig.last('run', 'quickstart');
    expect(readFileSync(predictions, 'utf8').split('\n')[0]).toBe('filename,label');
  });

  it('extracts nothing for another head, and runs nothing on the way back', async () => {
    using rig = CliRig.quickstart();
    const first = await rig.last('run', 'quickstart');
    const other = await rig.last('run', 'quickstart', '--set', 'head.epochs=3');
    expect(ranStages(other)).toEqual(['head', 'score', 'submission']);
    const back = await rig.last('run', 'quickstart');
    expect(ranStages(back)).toEqual([]);
    expect(back.metrics).toEqual(first.metrics);
  });

  it('computes one row for one new image, none for a corrected label or a renamed file', async () => {
    using rig = CliRig.quickstart();
    await rig.last('run', 'quickstart', '--set', 'head.epochs=2');
    const images = rig.path('data-examples/digits/images/train');
    const [name = ''] = readdirSync(images);
    await sharp(join(images, name)).negate({ alpha: false }).png().toFile(join(images, 'new.png'));
    const csv = rig.path('data-examples/digits/train.csv');
    const before = readFileSync(csv, 'utf8');
    appendFileSync(csv, 'new.png,3\n');
    const added = await rig.last('run', 'quickstart', '--set', 'head.epochs=2');
    expect(added.stages['features']?.rows).toEqual({ total: 401, computed: 1, cached: 400 });
    writeFileSync(csv, `${before}new.png,4\n`);
    const corrected = await rig.last('run', 'quickstart', '--set', 'head.epochs=2');
    expect(corrected.stages['features']?.rows?.computed).toBe(0);
    expect(ranStages(corrected)).toContain('head');
  });

  it('does not notice a CSV whose training rows were only put in another order', async () => {
    using rig = CliRig.quickstart();
    await rig.last('run', 'quickstart', '--set', 'head.epochs=2');
    const csv = rig.path('data-examples/digits/train.csv');
    const [header = '', ...rows] = readFileSync(csv, 'utf8').trimEnd().split('\n');
    writeFileSync(csv, `${[header, ...rows.reverse()].join('\r\n')}\r\n`);
    expect(ranStages(await rig.last('run', 'quickstart', '--set', 'head.epochs=2'))).toEqual([]);
  });

  it('gives the same metrics cold, with two jobs, and after a kill -9 in the extraction and in the training (K4, S6)', async () => {
    using rig = CliRig.quickstart();
    const clean = await rig.last('run', 'quickstart');
    rmSync(rig.path('.pipe'), { recursive: true });
    const parallel = await rig.last('run', 'quickstart', '--jobs', '2');
    expect(parallel.metrics).toEqual(clean.metrics);
    for (const at of [2, 8]) {
      rmSync(rig.path('.pipe'), { recursive: true });
      const child = rig.start(['run', 'quickstart', '--json']);
      await eventSeen(child, 'stage-progress', at);
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await finished(child);
      const again = await rig.last('run', 'quickstart');
      expect(again.metrics, `killed at progress ${at}`).toEqual(clean.metrics);
    }
  });

  it('lets two runs at once extract once (K6)', async () => {
    using rig = CliRig.quickstart();
    const [a, b] = await Promise.all([rig.last('run', 'quickstart'), rig.last('run', 'quickstart')]);
    expect(a.metrics).toEqual(b.metrics);
    expect([a, b].map(({ stages }) => stages['features']?.rows?.computed).sort()).toEqual([0, 400]);
  });

  it('recomputes what a flipped bit damaged, whichever file it hits (K1)', async () => {
    using rig = CliRig.quickstart();
    await rig.last('run', 'quickstart', '--set', 'head.epochs=2');
    const expected = await rig.last('run', 'quickstart', '--set', 'head.epochs=3');
    rmSync(rig.path('.pipe'), { recursive: true });
    await rig.last('run', 'quickstart', '--set', 'head.epochs=2');
    for (const file of readdirSync(rig.path('.pipe/cache'), { recursive: true }).map((name) =>
      rig.path(`.pipe/cache/${name}`),
    )) {
      const stat = statSync(file, { throwIfNoEntry: false });
      if (!stat?.isFile() || stat.size === 0) continue;
      const bytes = readFileSync(file);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      writeFileSync(file, bytes);
    }
    const repaired = await rig.last('run', 'quickstart', '--set', 'head.epochs=3');
    expect(repaired.metrics).toEqual(expected.metrics);
  });

  it('stops at a batch boundary on SIGINT, and goes on where it was (P1)', async () => {
    using rig = CliRig.quickstart();
    const child = rig.start(['run', 'quickstart', '--json', '--set', 'head.epochs=400']);
    await eventSeen(child, 'stage-progress', 40);
    child.kill('SIGINT');
    const result = await finished(child);
    expect(result.code).toBe(130);
    expect(result.json().at(-1)).toMatchObject({ event: 'run-finished', outcome: 'interrupted', exitCode: 130 });
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { thisProcessor } from '../../src/engines/measured.ts';
import { CliRig, repository } from '../cli-rig.ts';

const vgg16 = ['backbone=vgg16', 'weights=random'].flatMap((set) => ['--set', `features.${set}`]);
const large = ['size=224', 'channels=rgb'].flatMap((set) => ['--set', `images.${set}`]);

function version(): string {
  const { version }: { readonly version: string } = JSON.parse(
    readFileSync(join(repository, 'node_modules/onnxruntime-node/package.json'), 'utf8'),
  );
  return version;
}

/** The quickstart on a machine where this was measured. */
function measuredHere(...measured: readonly object[]): CliRig {
  const rig = CliRig.quickstart();
  const about = { engine: 'ort', device: 'cpu', stamp: version(), machine: thisProcessor(), passed: true, at: 'today' };
  rig.write('home/engines/measured.json', JSON.stringify(measured.map((one) => ({ ...about, ...one }))));
  return rig;
}

const speeds = { gflops: 100, int8: { vgg16: { float32: 100, int8: 400 } } };

describe('plan on int8', () => {
  it('tells what it would save by what was measured here', async () => {
    using rig = measuredHere(speeds);
    const shown = await rig.run('plan', 'quickstart', ...vgg16, ...large);
    expect(shown.stdout).toMatch(/precision: int8 would take about \d+\.\d s instead of 2 m \d+ s; what it costs/);
    const [plan] = (await rig.run('plan', 'quickstart', '--json', ...vgg16, ...large)).json();
    // VGG16's base takes 15.3 billion products and as many sums an image (Simonyan and Zisserman, 2014), at 100 billion operations a second.
    const float32 = (400 * 2 * 15.35e9) / 100e9;
    const int8 = float32 / 4 + (64 / 400) * float32;
    const near = (seconds: number) => expect.closeTo(seconds, 0);
    const stages = Object(plan)['stages'];
    expect(stages.features.rows).toEqual({ total: 400, cached: 0, new: 400 });
    const { predictedMs, float32Ms } = stages.features.int8;
    expect([float32Ms / 1000, predictedMs / 1000]).toEqual([near(float32), near(int8)]);
  });

  it('tells no number where none was measured, and who would measure it', async () => {
    for (const rig of [measuredHere(), measuredHere({ ...speeds, stamp: 'another' })]) {
      const shown = await rig.run('plan', 'quickstart', ...vgg16, ...large);
      expect(shown.stdout).toContain('precision: int8 may be faster: `pipe engines bench` measures by how much');
      expect(shown.stdout).not.toContain('instead of');
    }
  });

  it('says nothing of little work, of int8 itself, or where a GPU is faster', async () => {
    using rig = measuredHere(speeds);
    const small = await rig.run('plan', 'quickstart');
    const already = await rig.run('plan', 'quickstart', ...vgg16, ...large, '--set', 'features.precision=int8');
    using fast = measuredHere(speeds, { device: 'cuda', gflops: 20_000 });
    const onGpu = await fast.run('plan', 'quickstart', ...vgg16, ...large);
    for (const { stdout, code } of [small, already, onGpu]) {
      expect(code).toBe(0);
      expect(stdout).toContain('400 new');
      expect(stdout).not.toContain('int8');
    }
  });
});

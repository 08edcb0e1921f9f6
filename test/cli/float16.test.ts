import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/engines/ort/graph-builder.ts';
import { writeModel } from '../../src/engines/ort/onnx-writer.ts';
import { CliRig, finished, repository } from '../cli-rig.ts';

/** No GPU is needed for the way there and back: the device is the CPU under another name. */
const gpu = { PIPE_ONNXRUNTIME: pathToFileURL(join(repository, 'test', 'webgpu-on-cpu.mjs')).href };

function project(backbone: string, normalize: string): CliRig {
  const rig = CliRig.quickstart();
  const features = (precision: string) =>
    `{ kind: extract-features, from: images, with: { backbone: ${backbone}, precision: ${precision} } }`;
  rig.write(
    'pipelines/half.yaml',
    `pipeline: half
seed: 1
stages:
  digits: { kind: ingest-csv, with: { train: { csv: ../data-examples/digits/train.csv, images: ../data-examples/digits/images/train } } }
  few: { kind: split, from: digits, with: { take: 40 } }
  images: { kind: preprocess, from: few, with: { size: 32, channels: ${normalize === 'backbone' ? 'gray' : 'rgb'}, normalize: ${normalize} } }
  whole: ${features('float32')}
  half: ${features('float16')}
  write-whole: { kind: export-features, from: whole, with: { file: whole } }
  write-half: { kind: export-features, from: half, with: { file: half } }
`,
  );
  return rig;
}

function run(rig: CliRig, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return finished(rig.start(args, environment));
}

function numbersOf(rig: CliRig, name: string): Float32Array {
  const bytes = readFileSync(rig.path(`results/half/${name}.npy`));
  return new Float32Array(Uint8Array.from(bytes.subarray(10 + bytes.readUInt16LE(8))).buffer);
}

/** A model file that gives its pixels times `factors`; they move about once, which makes a CPU round them. */
function multiplying(...factors: readonly number[]): Uint8Array {
  const graph = new GraphBuilder();
  graph.input('x', [-1, 3, 32, 32], 'float32');
  const product = factors.reduce((x, factor) => graph.node('Mul', [x, graph.scalar(factor)]), 'x');
  const slice = (from: number) =>
    graph.node('Slice', [product, graph.integers([from]), graph.integers([from + 1]), graph.integers([1])]);
  const y = graph.node('Concat', [slice(1), slice(0)], { axis: 1 });
  return writeModel(graph.finish([{ name: y, shape: [-1, 2, 32, 32], type: 'float32' }], false));
}

describe('precision: float16', () => {
  const onGpu = ['--device', 'webgpu'];

  it('keeps rows of its own, near those in float32', async () => {
    const rig = project('vgg-mini', 'backbone');
    const done = await run(rig, ['run', 'half', '--json', ...onGpu], gpu);
    expect(done.stderr).toBe('');
    expect(done.json().at(-1)).toMatchObject({
      stages: { whole: { rows: { computed: 40 } }, half: { rows: { total: 40, computed: 40 } } },
    });
    const [whole, half] = [numbersOf(rig, 'whole'), numbersOf(rig, 'half')];
    expect(half).toHaveLength(whole.length);
    const square = (numbers: Float32Array) => numbers.reduce((sum, number) => sum + number ** 2, 0);
    const apart = Math.sqrt(square(half.map((number, i) => number - (whole[i] ?? 0))) / square(whole));
    expect(apart).toBeGreaterThan(0);
    expect(apart).toBeLessThan(2e-3);
  });

  it('is refused on a CPU, and by a GPU without it in the words of its driver', async () => {
    const rig = project('vgg-mini', 'backbone');
    const onCpu = await run(rig, ['run', 'half', 'half']);
    expect(onCpu.code).toBe(6);
    expect(onCpu.stderr).toContain('E010');
    expect(onCpu.stderr).toContain('the engine ort on cpu does not compute in float16');
    const without = await run(rig, ['run', 'half', 'half', ...onGpu], { ...gpu, WITHOUT_FLOAT16: '1' });
    expect(without.code).toBe(6);
    expect(without.stderr).toMatch(/E010.*on webgpu does not compute in float16: Program Cast requires f16/);
  });

  it('fails where numbers go beyond 65504, and keeps no such row', async () => {
    const rig = project('large.onnx', 'unit');
    rig.write('pipelines/large.onnx', multiplying(300, 200));
    const fine = await run(rig, ['run', 'half', 'write-half', ...onGpu], gpu);
    expect(fine.code).toBe(0);
    rig.write('pipelines/large.onnx', multiplying(300, 400));
    const failed = await run(rig, ['run', 'half', 'write-half', ...onGpu], gpu);
    expect(failed.code).toBe(6);
    expect(failed.stderr).toMatch(/E012.*beyond 65504/);
    const again = await run(rig, ['plan', 'half', 'half', '--json']);
    expect(again.json()).toMatchObject([{ stages: { half: { rows: { cached: 0, new: 40 } } } }]);
  });
});

const vulkan = process.env['VK_ICD_FILENAMES'];
describe.skipIf(!vulkan?.includes('swiftshader'))('on SwiftShader, which has no float16', () => {
  it('is refused', async () => {
    const refused = await run(project('vgg-mini', 'backbone'), ['run', 'half', 'half', '--device', 'webgpu']);
    expect(refused.stderr).toMatch(/E010.*requires f16 but the device does not support it/);
  });
});

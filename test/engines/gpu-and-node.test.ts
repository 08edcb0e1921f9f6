/** GPUs that cannot be used, and a Node that has lost functions which tfjs-node calls. */
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diagnosed, EngineRig } from './engine-rig.ts';

let rig: EngineRig;
beforeEach(() => {
  rig = new EngineRig();
});
afterEach(() => rig[Symbol.dispose]());

// What TensorFlow 2.21 and CUDA 12 write, with the place in their source left as it is.
const noDriver =
  'E external/local_xla/xla/stream_executor/cuda/cuda_platform.cc:51] failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected';
const oldDriver =
  'E external/local_xla/xla/stream_executor/cuda/cuda_platform.cc:51] failed call to cuInit: CUDA driver version is insufficient for CUDA runtime version';
const otherLibrary =
  'W tensorflow/core/common_runtime/gpu/gpu_device.cc:2342] Cannot dlopen some GPU libraries. Please make sure the missing libraries mentioned above are installed properly if you would like to use GPU.';

describe('tfjs-node-gpu without a GPU that it can use', () => {
  beforeEach(() => {
    rig.install('tfjs-node-gpu');
  });

  const rows = [
    { what: 'no driver', say: noDriver, told: 'there is no NVIDIA GPU with its driver here', help: 'nvidia-smi' },
    {
      what: 'a driver that is too old',
      say: oldDriver,
      told: 'the NVIDIA driver is older than the CUDA libraries want',
      help: '525',
    },
    {
      what: 'CUDA libraries of another version',
      say: otherLibrary,
      told: 'the CUDA libraries are missing or of another version',
      help: 'pipe engines install tfjs-node-gpu',
    },
  ];

  it.each(rows)('$what: computes on the CPU, and says so once', async ({ say, told, help }) => {
    const result = await rig.run(['--engine', 'tfjs-node-gpu'], { say });
    expect(result.code).toBe(0);
    expect(diagnosed(result, 'E007')).toMatchObject([
      { severity: 'warning', message: expect.stringContaining(told), help: expect.stringContaining(help) },
    ]);
  });

  it.each(rows)('$what: is refused where the GPU was insisted on', async ({ say, told, help }) => {
    const result = await rig.run(['--engine', 'tfjs-node-gpu', '--device', 'cuda'], { say });
    expect(result.code).toBe(6);
    expect(diagnosed(result, 'E007')).toMatchObject([
      {
        severity: 'error',
        message: expect.stringContaining(`the engine tfjs-node-gpu runs on cpu here, not on cuda: ${told}`),
        help: expect.stringContaining(help),
      },
    ]);
  });

  it('says nothing where the CPU was asked for', async () => {
    const result = await rig.run(['--engine', 'tfjs-node-gpu', '--device', 'cpu'], { say: noDriver });
    expect(result.code).toBe(0);
    expect(diagnosed(result, 'E007')).toEqual([]);
  });

  it('tells why in `engines list`', async () => {
    const { stdout } = await rig.pipe(['engines', 'list'], { say: oldDriver });
    expect(stdout).toMatch(/✓ tfjs-node-gpu .*runs on the CPU: the NVIDIA driver is older/);
  });
});

describe('ort', () => {
  it('without its CUDA provider is refused with the command that installs it', async () => {
    const result = await rig.run(['--engine', 'ort', '--device', 'cuda']);
    expect(result.code).toBe(6);
    expect(diagnosed(result, 'E007')).toMatchObject([
      { severity: 'error', help: expect.stringContaining('pipe engines install cuda') },
    ]);
  });

  it('with a provider of another version says both versions', async () => {
    rig.cli.write('home/engines/cuda/pipe-engine.json', JSON.stringify({ version: '1.2.3', from: {} }));
    const result = await rig.run(['--engine', 'ort', '--device', 'cuda']);
    expect(result.code).toBe(6);
    expect(diagnosed(result, 'E007')).toMatchObject([
      { message: expect.stringMatching(/provider is of ONNX Runtime 1\.2\.3, and this is \d/) },
    ]);
  });

  it.skipIf(process.platform !== 'linux' || existsSync('/dev/dri') || existsSync('/dev/nvidiactl'))(
    'on webgpu without a driver is refused, and other devices are named',
    async () => {
      const none = { VK_ICD_FILENAMES: rig.cli.path('none.json'), VK_DRIVER_FILES: rig.cli.path('none.json') };
      const result = await rig.pipe(['run', 'quickstart', '--json', '--engine', 'ort', '--device', 'webgpu'], {}, none);
      expect(result.code).toBe(6);
      expect(diagnosed(result, 'E007')).toMatchObject([
        {
          severity: 'error',
          message: expect.stringContaining('webgpu'),
          help: expect.stringContaining('--device cpu'),
        },
      ]);
    },
  );
});

describe('a Node from version 23 on', () => {
  /** Runs every process of a run as a later Node would. */
  const later = () => {
    const preload = rig.cli.write(
      'later-node.cjs',
      `const util = require('node:util');
       delete util.isNullOrUndefined;
       delete util.isArray;
       Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '24.1.0' } });`,
    );
    return { NODE_OPTIONS: `--require ${preload}` };
  };

  it('gets back what tfjs-node calls, and says so once', async () => {
    rig.install(
      'tfjs-node',
      `require(${JSON.stringify(rig.standIn)});
       const util = require('node:util');
       if (util.isNullOrUndefined(0) || !util.isArray([])) throw new Error('wrong');`,
    );
    const result = await rig.run(['--engine', 'tfjs-node'], {}, later());
    expect(result.code).toBe(0);
    expect(diagnosed(result, 'E006')).toMatchObject([
      { severity: 'warning', message: expect.stringContaining('Node took out in version 23') },
    ]);
  });

  it('without another function that it calls says which Node to use', async () => {
    rig.install('tfjs-node', "throw new TypeError('(0 , util_1.isNullOrUndefined) is not a function');");
    const result = await rig.run(['--engine', 'tfjs-node'], {}, later());
    expect(result.code).toBe(6);
    expect(diagnosed(result, 'E006')).toMatchObject([
      { severity: 'error', help: 'use Node 20 or 22 with this engine, or another engine' },
    ]);
  });
});

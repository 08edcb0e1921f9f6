/** The default engine, `ort`: TensorFlow.js programs recorded as ONNX graphs, run by ONNX Runtime. Light to import. */
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { workerPath } from '../../files/package-root.ts';
import type { Device, Engine, EngineAdapter, EngineOptions } from '../engine.ts';
import { EngineFault } from '../engine-fault.ts';
import { gpuTrouble, hasNvidiaDriver } from '../gpu-trouble.ts';
import { installedFolder, installedVersion, packageVersion } from '../installed.ts';
import { ChildLine } from '../remote/child-line.ts';
import { RemoteEngine } from '../remote/remote-engine.ts';
import { ThreadLine } from '../remote/thread-line.ts';

const PACKAGE = 'onnxruntime-node';
const INSTALL = 'pipe engines install cuda';

export const ortAdapter: EngineAdapter = {
  id: 'ort',
  stamp: () => version(),
  async probe() {
    const found = version();
    if (!found) return { usable: false, reason: `the package ${PACKAGE} is not installed` };
    const cuda = cudaProvider(found);
    return {
      usable: true,
      reason: 'installed with pipe',
      version: found,
      device: 'cpu',
      devices: [
        {
          device: 'cuda',
          usable: cuda.ok && hasNvidiaDriver(),
          reason: !cuda.ok
            ? cuda.error.message
            : hasNvidiaDriver()
              ? `libraries in ${cuda.value.folder}`
              : 'its libraries are installed, but there is no NVIDIA GPU with its driver here',
        },
        webgpu(),
      ],
    };
  },
  async open(options) {
    const found = version();
    if (!found) return err(problem('E001', `the package ${PACKAGE} is not installed`, { help: 'run npm ci again' }));
    const { device = 'cpu' } = options;
    if (device !== 'cpu') return openInProcess(device, options, found);
    const settings = settingsOf(options, 'cpu', found);
    return ok(new RemoteEngine(new ThreadLine(workerPath('engine')), settings));
  },
};

/** A GPU's driver may take its process with it: it gets one of its own. */
async function openInProcess(
  device: Device,
  options: EngineOptions,
  found: string,
): Promise<Result<Engine, Diagnostic>> {
  const provider = device === 'cuda' ? cudaProvider(found) : undefined;
  if (provider && !provider.ok) return provider;
  const line = new ChildLine({
    path: workerPath('engine'),
    arguments: [],
    environment: provider ? cudaEnvironment(provider.value) : {},
  });
  try {
    await line.ask('introduce', { do: 'introduce', device });
    return ok(new RemoteEngine(line, { ...settingsOf(options, device, found), said: () => line.said }));
  } catch (error) {
    await line.end();
    if (error instanceof EngineFault) return err(error.diagnostic);
    const message = error instanceof Error ? error.message : String(error);
    if (device === 'cuda') return err({ ...gpuTrouble(`${message}\n${line.said}`, INSTALL), severity: 'error' });
    return err(
      problem('E007', `ONNX Runtime cannot use ${device}: ${lastWords(message)}`, {
        help: 'run with --device cpu; WebGPU wants a graphics driver with Vulkan, Direct3D 12 or Metal',
      }),
    );
  }
}

/** Without the place in its source that the library puts first. */
function lastWords(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/^.*was false\.\s*/, '').slice(0, 300);
}

function settingsOf({ threads, warn }: EngineOptions, device: Device, found: string) {
  return {
    producer: { engine: 'ort', version: found, device } as const,
    options: { threads, device },
    warn: warn ?? (() => {}),
  };
}

interface CudaProvider {
  /** Holds `node_modules/onnxruntime-node` with the provider, and `nvidia` with CUDA's libraries; the package's own folder otherwise. */
  readonly folder: string;
  readonly copied: boolean;
}

/** The copy that `pipe engines install cuda` made, or the package itself, where its own install script put the provider there. */
function cudaProvider(found: string): Result<CudaProvider, Diagnostic> {
  const folder = installedFolder('cuda');
  const installed = installedVersion('cuda');
  if (installed === found) return ok({ folder, copied: true });
  const own = packageFolder();
  if (
    own &&
    existsSync(join(own, 'bin', 'napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so'))
  )
    return ok({ folder: own, copied: false });
  return err(
    problem(
      'E007',
      installed === undefined
        ? `ONNX Runtime's CUDA provider is not installed; \`${INSTALL}\` fetches it`
        : `the installed CUDA provider is of ONNX Runtime ${installed}, and this is ${found}; \`${INSTALL}\` fetches the right one`,
      { help: `run \`${INSTALL}\`` },
    ),
  );
}

/** Libraries that a library opens are looked for in folders that are settled before its process starts. */
export function cudaEnvironment({ folder, copied }: CudaProvider): Record<string, string> {
  if (!copied) return {};
  const nvidia = join(folder, 'nvidia');
  const folders = existsSync(nvidia) ? readdirSync(nvidia).map((name) => join(nvidia, name, 'lib')) : [];
  const before = process.env['LD_LIBRARY_PATH'];
  return {
    LD_LIBRARY_PATH: [...folders.filter((path) => existsSync(path)).sort(), ...(before ? [before] : [])].join(':'),
    PIPE_ONNXRUNTIME: pathToFileURL(join(folder, 'node_modules', PACKAGE, 'dist', 'index.js')).href,
    // float32 means float32, not the ten bits of TF32.
    NVIDIA_TF32_OVERRIDE: process.env['NVIDIA_TF32_OVERRIDE'] ?? '0',
  };
}

function webgpu() {
  const built = ['linux x64', 'win32 x64', 'win32 arm64', 'darwin arm64'].includes(
    `${process.platform} ${process.arch}`,
  );
  return {
    device: 'webgpu' as const,
    usable: built,
    reason: built ? 'in the package; wants a graphics driver' : `not built for ${process.platform} ${process.arch}`,
  };
}

/** The folder of the package that pipe itself runs. */
export function packageFolder(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`));
  } catch {
    return undefined;
  }
}

function version(): string | undefined {
  const folder = packageFolder();
  return folder && packageVersion(folder);
}

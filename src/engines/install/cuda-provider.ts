/**
 * ONNX Runtime's CUDA provider for the `ort` engine. The npm package comes without it; the wheel of the same version has it. The library
 * looks for it beside itself, and both must come from one build: so a copy of the package is made with the wheel's library and provider in it,
 * which the binding reaches through ONNX Runtime's C interface alone.
 */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { type Manifest, packageVersion } from '../installed.ts';
import { packageFolder } from '../ort/ort-adapter.ts';
import type { Building } from './tensorflow-binding.ts';
import { downloadWheel, installNvidia, nvidiaRequirements, unpackWheel } from './wheels.ts';

/** Members of the wheel by the names that the binding and the library look for. */
function libraries(version: string): Readonly<Record<string, string>> {
  return {
    [`libonnxruntime.so.${version}`]: 'libonnxruntime.so.1',
    'libonnxruntime_providers_shared.so': 'libonnxruntime_providers_shared.so',
    'libonnxruntime_providers_cuda.so': 'libonnxruntime_providers_cuda.so',
  };
}

export function cudaManifest(): Manifest | undefined {
  const folder = packageFolder();
  const version = folder && packageVersion(folder);
  return version === undefined ? undefined : { version, from: { 'onnxruntime-gpu': version } };
}

export async function buildCudaProvider(
  folder: string,
  { tools, signal, say }: Building,
): Promise<Result<string, Diagnostic>> {
  const own = packageFolder();
  const version = own && packageVersion(own);
  if (own === undefined || version === undefined)
    return err(problem('E001', 'the package onnxruntime-node is not installed', { help: 'run npm ci again' }));
  const modules = join(folder, 'node_modules');
  const native = join('bin', 'napi-v6', process.platform, process.arch);
  const copy = join(modules, 'onnxruntime-node');
  for (const part of ['package.json', 'dist', native]) cpSync(join(own, part), join(copy, part), { recursive: true });
  cpSync(commonFolder(own), join(modules, COMMON), { recursive: true });

  const temporary = join(folder, 'wheels');
  mkdirSync(temporary);
  const asked = `onnxruntime-gpu==${version}`;
  say(`fetching ${asked} from PyPI`);
  const wheels = { python: tools.python, signal };
  const wheel = await downloadWheel(asked, join(temporary, 'onnxruntime'), wheels);
  if (!wheel.ok) return wheel;
  const cuda = await nvidiaRequirements(wheel.value, wheels);
  if (!cuda.ok) return cuda;
  const parts = Object.entries(libraries(version)).map(([name, placed]) => ({
    from: `onnxruntime/capi/${name}`,
    to: join(copy, native, placed),
  }));
  const unpacked = await unpackWheel(wheel.value, parts, wheels);
  if (!unpacked.ok) return unpacked;
  say("fetching CUDA's libraries from PyPI, some 2 GB");
  const nvidia = await installNvidia(cuda.value, join(folder, 'nvidia'), join(temporary, 'nvidia'), wheels);
  if (!nvidia.ok) return nvidia;
  rmSync(temporary, { recursive: true });
  return ok(copy);
}

const COMMON = 'onnxruntime-common';

/** The folder of the package that the copied one requires. */
function commonFolder(own: string): string {
  let folder = dirname(createRequire(join(own, 'package.json')).resolve(COMMON));
  while (basename(folder) !== COMMON) folder = dirname(folder);
  return folder;
}

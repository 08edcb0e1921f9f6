/** The engines by id, light to import: what is heavy is loaded by `probe` and `open`. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Diagnostic, problem, warning } from '../base/diagnostic.ts';
import { err, type Result } from '../base/result.ts';
import type { Engine, EngineAdapter, EngineId, EngineOptions } from './engine.ts';

export const engineAdapters: readonly EngineAdapter[] = [
  {
    id: 'ort',
    async probe() {
      const version = versionOf('onnxruntime-node');
      return version
        ? { usable: true, reason: 'installed with pipe', version, device: 'cpu' }
        : { usable: false, reason: 'the package onnxruntime-node is not installed' };
    },
    async open(options) {
      const { openOrtEngine } = await import('./ort/ort-engine.ts');
      return openOrtEngine(options, versionOf('onnxruntime-node') ?? 'unknown');
    },
  },
  peerAdapter('tfjs-node-gpu', '@tensorflow/tfjs-node-gpu'),
  peerAdapter('tfjs-node', '@tensorflow/tfjs-node'),
];

/** The engine asked for, or the fastest usable one for `auto`: ONNX Runtime, until another is measured to be faster. */
export async function chooseEngine(
  wanted: EngineId | 'auto',
  options: EngineOptions,
  warn: (diagnostic: Diagnostic) => void,
): Promise<Result<Engine, Diagnostic>> {
  const id = wanted === 'auto' ? 'ort' : wanted;
  const adapter = engineAdapters.find((candidate) => candidate.id === id);
  if (!adapter)
    return err(
      problem('E001', `there is no engine ${id}`, {
        help: `engines: ${engineAdapters.map((candidate) => candidate.id).join(', ')}`,
      }),
    );
  const found = await adapter.probe();
  if (!found.usable)
    return err(
      problem('E001', `the engine ${id} is not usable: ${found.reason}`, {
        help: 'run without --engine for the default one; `pipe engines list` shows all',
      }),
    );
  if (found.device !== undefined && found.device !== options.device)
    warn(warning('E001', `the engine ${id} runs on ${found.device}, not on ${options.device}`));
  return adapter.open(options);
}

/** An eager engine of TensorFlow.js for Node, where the user has installed it. */
function peerAdapter(id: EngineId, packageName: string): EngineAdapter {
  return {
    id,
    async probe() {
      const version = versionOf(packageName);
      if (!version) return { usable: false, reason: `the optional package ${packageName} is not installed` };
      return {
        usable: false,
        version,
        reason: `${packageName} ${version} is installed, but this version of pipe does not drive it yet`,
      };
    },
    async open() {
      return err(problem('E001', `the engine ${id} cannot be opened`));
    },
  };
}

/** The version of an installed package, without loading it. */
function versionOf(packageName: string): string | undefined {
  try {
    const stated: { version?: unknown } = JSON.parse(
      readFileSync(createRequire(import.meta.url).resolve(`${packageName}/package.json`), 'utf8'),
    );
    return typeof stated.version === 'string' ? stated.version : undefined;
  } catch {
    return undefined;
  }
}

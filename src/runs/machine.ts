/** What a run ran on: versions and hardware, read from files. Asked only where a stage ran. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../files/package-root.ts';

export interface Machine {
  readonly node: string;
  /** Version of this package. */
  readonly pipe: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly gpus: readonly string[];
  /** Packages whose numbers end up in artifacts; only those that are installed. */
  readonly libraries: Readonly<Record<string, string>>;
}

const LIBRARIES = [
  'onnxruntime-node',
  '@tensorflow/tfjs-core',
  '@tensorflow/tfjs-node',
  '@tensorflow/tfjs-node-gpu',
  'sharp',
  'h5wasm',
];

export function thisMachine(): Machine {
  const processors = cpus();
  const found = LIBRARIES.map((name) => [name, versionOf(name)] as const);
  return {
    node: process.version,
    pipe: versionIn(packageRoot()) ?? 'unknown',
    platform: `${process.platform} ${process.arch}`,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    gpus: nvidiaGpus(),
    libraries: Object.fromEntries(found.flatMap(([name, version]) => (version === undefined ? [] : [[name, version]]))),
  };
}

function versionOf(name: string): string | undefined {
  const folders = createRequire(join(packageRoot(), 'package.json')).resolve.paths(name) ?? [];
  return folders.map((folder) => versionIn(join(folder, name))).find((version) => version !== undefined);
}

function versionIn(folder: string): string | undefined {
  const version = /"version":\s*"([^"]+)"/.exec(readText(join(folder, 'package.json')))?.[1];
  return version;
}

/** Names from the driver's own files, where it has some: Linux. */
function nvidiaGpus(): readonly string[] {
  const folder = '/proc/driver/nvidia/gpus';
  try {
    return readdirSync(folder).map(
      (gpu) => /^Model:\s*(.+)$/m.exec(readText(join(folder, gpu, 'information')))?.[1] ?? 'NVIDIA',
    );
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

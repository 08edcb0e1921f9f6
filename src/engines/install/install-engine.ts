/** `pipe engines install` and `remove`. */
import { rmSync } from 'node:fs';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { canonicalJson } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { loads } from '../eager/eager-adapter.ts';
import { installedFolder, type Manifest, readManifest } from '../installed.ts';
import { buildCudaProvider, cudaManifest } from './cuda-provider.ts';
import { makeTemporary, putInPlace, removePlace } from './place.ts';
import { type Building, buildTensorflowBinding, tensorflowManifest } from './tensorflow-binding.ts';
import { findTools, type Tools } from './tools.ts';

/** What can be installed: two engines, and the CUDA provider of `ort`. */
export const INSTALLABLE = ['tfjs-node', 'tfjs-node-gpu', 'cuda'] as const;
export type Installable = (typeof INSTALLABLE)[number];

export interface InstallOptions {
  /** Builds although it is there. */
  readonly force: boolean;
  readonly signal?: AbortSignal;
  readonly say: (line: string) => void;
}

export interface Installed {
  readonly place: string;
  /** False where it was there already. */
  readonly built: boolean;
}

/** Builds beside the place and puts there what was seen to load. Nothing changes where anything fails. */
export async function installEngine(
  what: Installable,
  { force, signal, say }: InstallOptions,
): Promise<Result<Installed, Diagnostic>> {
  const place = installedFolder(what);
  const manifest = what === 'cuda' ? cudaManifest() : tensorflowManifest(what);
  if (!manifest)
    return err(problem('E001', 'the package onnxruntime-node is not installed', { help: 'run npm ci again' }));
  if (!force && isSame(readManifest(place), manifest)) return ok({ place, built: false });
  const needed: readonly (keyof Tools)[] = what === 'cuda' ? ['python'] : ['npm', 'python', 'compiler'];
  const tools = await findTools(needed);
  if (!tools.ok) return tools;
  const temporary = makeTemporary(place);
  try {
    const built = await build(what, temporary, { tools: tools.value, signal, say });
    if (!built.ok) return built;
    putInPlace(temporary, place, manifest);
    return ok({ place, built: true });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** @returns whether it was there */
export function removeEngine(what: Installable): boolean {
  return removePlace(installedFolder(what));
}

async function build(what: Installable, folder: string, building: Building): Promise<Result<unknown, Diagnostic>> {
  if (what === 'cuda') return buildCudaProvider(folder, building);
  const built = await buildTensorflowBinding(what, folder, building);
  if (!built.ok) return built;
  building.say('loading it in a process of its own');
  return loads(what, built.value);
}

function isSame(one: Manifest | undefined, other: Manifest): boolean {
  return one !== undefined && canonicalJson({ ...one }) === canonicalJson({ ...other });
}

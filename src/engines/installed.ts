/** What `pipe engines install` leaves in the folder that all projects share. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Environment, sharedHome } from '../files/project.ts';

/** Written last, so that a folder with it is whole. */
export const MANIFEST = 'pipe-engine.json';

/** Where an engine's files lie once they are installed. */
export function installedFolder(what: string, environment: Environment = process.env): string {
  return join(sharedHome(environment), 'engines', what);
}

/** What an installed folder says that it is. */
export interface Manifest {
  /** Of the npm package. */
  readonly version: string;
  /** Of everything else that it was made from, by package. */
  readonly from: Readonly<Record<string, string>>;
}

export function readManifest(folder: string): Manifest | undefined {
  const stated = readJson(join(folder, MANIFEST));
  if (!stated || typeof stated['version'] !== 'string') return undefined;
  const from = Object.entries(stated['from'] ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return { version: stated['version'], from: Object.fromEntries(from) };
}

export function installedVersion(what: string): string | undefined {
  return readManifest(installedFolder(what))?.version;
}

/** The version of the package in a folder, without loading it. */
export function packageVersion(folder: string): string | undefined {
  const version = readJson(join(folder, 'package.json'))?.['version'];
  return typeof version === 'string' ? version : undefined;
}

function readJson(path: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isRecord(read) ? read : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

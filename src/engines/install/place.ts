/** Folders that are there whole or not at all: made beside their place under a temporary name, then renamed. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { flushFolder } from '../../files/atomic-file.ts';
import { MANIFEST, type Manifest } from '../installed.ts';

/** A folder in the making. Those of processes that are gone are removed first. */
export function makeTemporary(place: string): string {
  removeLeftovers(place);
  const folder = `${place}.tmp-${process.pid}-${Date.now()}`;
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Puts a finished folder in its place, over the one that was there. */
export function putInPlace(temporary: string, place: string, manifest: Manifest): void {
  writeFileSync(join(temporary, MANIFEST), `${JSON.stringify(manifest, undefined, 1)}\n`);
  const old = `${place}.tmp-${process.pid}-old`;
  if (existsSync(place)) renameSync(place, old);
  try {
    renameSync(temporary, place);
  } catch (error) {
    // Another process was faster, or the disk refuses: what was there stays.
    if (existsSync(old) && !existsSync(place)) renameSync(old, place);
    throw error;
  }
  flushFolder(dirname(place));
  rmSync(old, { recursive: true, force: true });
}

/** @returns whether there was anything */
export function removePlace(place: string): boolean {
  removeLeftovers(place);
  if (!existsSync(place)) return false;
  // Renamed first, so that nobody finds it half gone.
  const going = `${place}.tmp-${process.pid}-gone`;
  renameSync(place, going);
  rmSync(going, { recursive: true, force: true });
  return true;
}

function removeLeftovers(place: string): void {
  const parent = dirname(place);
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    const owner = new RegExp(`^${basename(place)}\\.tmp-(\\d+)-`).exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Claims as files, `<cache>/claims/<name>`. They only save double work: where the file system lets every claim succeed, or cannot be
 * written, the work is done twice and the results are the same.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../base/digest.ts';
import { TEMPORARY } from '../files/atomic-file.ts';
import { errnoOf } from '../files/write-error.ts';
import { type ClaimOwner, describeOwner, ownerState, readOwner, thisProcess } from './claim-owner.ts';
import type { Claim, ClaimStore } from './claims.ts';

const POLL_MS = 50;
const HEARTBEAT_MS = 2000;
/** A claim whose owner cannot be looked up is dead when its heartbeat has not moved for this long by our own clock. */
const SILENCE_MS = 20_000;

interface TakeOptions {
  done(): boolean;
  onWait(owner: string): void;
  readonly signal: AbortSignal;
}

export class DiskClaims implements ClaimStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async take(name: string, { done, onWait, signal }: TakeOptions): Promise<Claim | undefined> {
    const path = join(this.#folder, fileName(name));
    const silence = new SilenceWatch(path);
    let told = false;
    while (!signal.aborted) {
      const outcome = this.#try(path);
      if (outcome !== 'held') return outcome;
      if (done()) return undefined;
      const owner = readOwner(path);
      if (isDead(owner, silence)) {
        removeClaim(path, owner);
        continue;
      }
      if (owner && !told) {
        told = true;
        onWait(describeOwner(owner));
      }
      await pause(POLL_MS, signal);
    }
    return undefined;
  }

  /** Names of claims whose owners are, or may be, alive. */
  live(): readonly string[] {
    return listNames(this.#folder).filter((name) => {
      const owner = readOwner(join(this.#folder, name));
      return owner !== undefined && ownerState(owner) !== 'dead';
    });
  }

  /** A claim, or `held`. A folder that cannot be written gives a claim that binds nobody. */
  #try(path: string): Claim | 'held' {
    const owner: ClaimOwner = { ...thisProcess(), token: randomBytes(8).toString('hex') };
    try {
      mkdirSync(this.#folder, { recursive: true });
      return createClaim(path, owner) ? new HeldClaim(path, owner) : 'held';
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return { release() {} };
    }
  }
}

/** Makes a claim file, whole at once where the file system knows links. @returns false where there is one. */
function createClaim(path: string, owner: ClaimOwner): boolean {
  const mine = `${path}${TEMPORARY}${owner.token}`;
  const text = JSON.stringify(owner);
  try {
    writeFileSync(mine, text, { flag: 'wx' });
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK', 'EOPNOTSUPP'].includes(errnoOf(error) ?? '')) throw error;
    return createInPlace(path, text);
  } finally {
    rmSync(mine, { force: true });
  }
}

function createInPlace(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

class HeldClaim implements Claim {
  readonly #path: string;
  readonly #token: string;
  readonly #heart: NodeJS.Timeout;

  constructor(path: string, { token }: ClaimOwner) {
    this.#path = path;
    this.#token = token;
    this.#heart = setInterval(() => beat(path), HEARTBEAT_MS).unref();
  }

  release(): void {
    clearInterval(this.#heart);
    if (readOwner(this.#path)?.token !== this.#token) return;
    try {
      rmSync(this.#path, { force: true });
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }
}

function beat(path: string): void {
  const now = Date.now() / 1000;
  try {
    utimesSync(path, now, now);
  } catch {
    // Taken over or removed: only double work can follow.
  }
}

/** Watches a file's time for standing still. It compares no clocks: only our own monotonic one measures. */
class SilenceWatch {
  readonly #path: string;
  #seen: string | undefined;
  #since = 0;

  constructor(path: string) {
    this.#path = path;
  }

  isLong(): boolean {
    const stat = statSync(this.#path, { throwIfNoEntry: false });
    const mark = stat && `${stat.ino} ${stat.mtimeMs}`;
    if (mark !== this.#seen) {
      this.#seen = mark;
      this.#since = performance.now();
    }
    return performance.now() - this.#since > SILENCE_MS;
  }
}

function isDead(owner: ClaimOwner | undefined, silence: SilenceWatch): boolean {
  const state = owner ? ownerState(owner) : 'unknown';
  return state === 'dead' || (silence.isLong() && state === 'unknown');
}

/** Removes a dead owner's claim: moved aside first, so that of two takers one moves it and the other finds it gone. */
export function removeClaim(path: string, seen: ClaimOwner | undefined): void {
  const aside = `${path}${TEMPORARY}dead-${randomBytes(8).toString('hex')}`;
  try {
    renameSync(path, aside);
    // Between the look and the move somebody may have taken it over: then it goes back, if its place is still free.
    if (readOwner(aside)?.token !== seen?.token) linkSync(aside, path);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** A claim's file name: the name itself where that is safe everywhere, else its digest. */
function fileName(name: string): string {
  return /^[a-z0-9][a-z0-9-]{0,120}$/.test(name) ? name : `claim-${digestOf(name).slice(0, 40)}`;
}

function listNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => !name.includes(TEMPORARY));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return [];
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish, { once: true });
  });
}

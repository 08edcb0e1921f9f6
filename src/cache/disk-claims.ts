import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { errnoOf } from '../files/write-error.ts';
import type { Claim, ClaimStore } from './claims.ts';

/** Who holds a claim. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Changes with every boot: a pid of before it says nothing. */
  readonly boot: string;
  /** Start of the process in clock ticks since boot, so that a reused pid is told. Empty where the system does not say. */
  readonly started: string;
}

const POLL_MS = 50;
const HEARTBEAT_MS = 2_000;
/** A claim of another host is dead when its file has not been touched for this long. */
const SILENCE_MS = 20_000;

/**
 * Claims as files: made under a private name, then linked to the claim's name, which fails where one is there. Where the
 * file system knows no links, or lets every claim succeed, work is done twice and the results are the same.
 */
export class DiskClaims implements ClaimStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async take(
    name: string,
    { done, onWait, signal }: { done(): boolean; onWait(owner: string): void; signal: AbortSignal },
  ): Promise<Claim | undefined> {
    const path = join(this.#folder, name.replace(/[^\w.-]/g, '_'));
    let told = false;
    while (!signal.aborted) {
      const outcome = this.#try(path);
      if (outcome !== 'held') return outcome;
      const owner = readOwner(path);
      if (owner && !told) {
        told = true;
        onWait(`process ${owner.pid}${owner.host === hostname() ? '' : ` on ${owner.host}`}`);
      }
      if (done()) return undefined;
      if (isDead(path, owner)) this.#remove(path, owner);
      else await pause(POLL_MS, signal);
    }
    return undefined;
  }

  /** A claim, or `held`; a folder that cannot be written gives a claim that binds nobody. */
  #try(path: string): Claim | 'held' {
    const mine = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
    try {
      mkdirSync(this.#folder, { recursive: true });
      writeFileSync(mine, JSON.stringify(thisProcess()), { flag: 'wx' });
      try {
        linkSync(mine, path);
      } finally {
        rmSync(mine, { force: true });
      }
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return 'held';
      return { release() {} };
    }
    return held(path);
  }

  /** Removes a dead owner's claim: first moved aside, so that of two takers one moves it and the other finds it gone. */
  #remove(path: string, seen: Owner | undefined): void {
    const aside = `${path}.dead-${process.pid}-${randomBytes(4).toString('hex')}`;
    try {
      renameSync(path, aside);
      const moved = readOwner(aside);
      // Between the look and the move somebody may have taken it over: then it goes back, if its place is still free.
      if (JSON.stringify(moved) !== JSON.stringify(seen)) linkSync(aside, path);
      rmSync(aside, { force: true });
    } catch {
      rmSync(aside, { force: true });
    }
  }
}

function held(path: string): Claim {
  const beat = setInterval(() => {
    const now = Date.now() / 1000;
    try {
      utimesSync(path, now, now);
    } catch {
      // Taken over or removed: only double work can follow.
    }
  }, HEARTBEAT_MS);
  beat.unref();
  return {
    release() {
      clearInterval(beat);
      const owner = readOwner(path);
      if (owner?.pid === process.pid && owner.host === hostname()) rmSync(path, { force: true });
    },
  };
}

function isDead(path: string, owner: Owner | undefined): boolean {
  const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  if (!owner) return age > SILENCE_MS;
  if (owner.host !== hostname()) return age > SILENCE_MS;
  const here = thisProcess();
  if (owner.boot !== here.boot) return true;
  return !isAlive(owner.pid) || (owner.started !== '' && owner.started !== startOf(owner.pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

let self: Owner | undefined;

function thisProcess(): Owner {
  self ??= {
    pid: process.pid,
    host: hostname(),
    boot: readText('/proc/sys/kernel/random/boot_id').trim(),
    started: startOf(process.pid),
  };
  return self;
}

/** Field 22 of `/proc/<pid>/stat`; the name before it may hold spaces and brackets. */
function startOf(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function readOwner(path: string): Owner | undefined {
  try {
    const owner: Partial<Owner> = JSON.parse(readFileSync(path, 'utf8'));
    const { pid, host, boot, started } = owner;
    return pid === undefined || host === undefined || boot === undefined || started === undefined
      ? undefined
      : { pid, host, boot, started };
  } catch {
    return undefined;
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

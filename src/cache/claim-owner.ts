/** Who holds a claim, told so exactly that a reused pid, another container or a rebooted machine is not taken for the owner. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from '../files/write-error.ts';

export interface ClaimOwner {
  readonly pid: number;
  readonly host: string;
  /** Changes with every boot; empty where the system does not say. */
  readonly boot: string;
  /** The pid namespace: containers on one machine count their processes apart. Empty where there are none. */
  readonly namespace: string;
  /** Start of the process in clock ticks since boot; empty where the system does not say. */
  readonly started: string;
  /** Tells two claims of one process apart. */
  readonly token: string;
}

/** What can be said about an owner from here; `unknown` leaves its heartbeat as the only sign of life. */
export type OwnerState = 'alive' | 'dead' | 'unknown';

let self: Omit<ClaimOwner, 'token'> | undefined;

export function thisProcess(): Omit<ClaimOwner, 'token'> {
  self ??= {
    pid: process.pid,
    host: hostname(),
    boot: textOf('/proc/sys/kernel/random/boot_id').trim(),
    namespace: pidNamespace(),
    started: statusOf(process.pid)?.started ?? '',
  };
  return self;
}

export function ownerState(owner: ClaimOwner): OwnerState {
  const here = thisProcess();
  if (owner.host !== here.host || owner.boot !== here.boot || owner.namespace !== here.namespace) return 'unknown';
  if (!exists(owner.pid)) return 'dead';
  const status = statusOf(owner.pid);
  if (!status || owner.started === '') return 'unknown';
  // A zombie has ended; its parent has only not asked yet.
  return status.started === owner.started && status.state !== 'Z' ? 'alive' : 'dead';
}

export function describeOwner(owner: ClaimOwner): string {
  return `process ${owner.pid}${owner.host === hostname() ? '' : ` on ${owner.host}`}`;
}

/** The owner in a claim file; undefined while it is being written, or where it is no claim. */
export function readOwner(path: string): ClaimOwner | undefined {
  const text = textOf(path);
  try {
    const { pid, host, boot, namespace, started, token }: Partial<Record<keyof ClaimOwner, unknown>> = JSON.parse(text);
    const complete =
      typeof pid === 'number' &&
      typeof host === 'string' &&
      typeof boot === 'string' &&
      typeof namespace === 'string' &&
      typeof started === 'string' &&
      typeof token === 'string';
    return complete ? { pid, host, boot, namespace, started, token } : undefined;
  } catch {
    return undefined;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

/** State and start time (fields 3 and 22 of proc(5)'s stat); the name before them may hold spaces and brackets. */
function statusOf(pid: number): { readonly state: string; readonly started: string } | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, started] = [fields[0], fields[19]];
  return state && started ? { state, started } : undefined;
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

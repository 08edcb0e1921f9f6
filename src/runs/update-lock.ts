/**
 * Keeps the lock file beside a pipeline, or holds a run against it. A run that finds everything as locked compares two texts, or
 * asks the memo; only a difference brings in the YAML parser.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Diagnostic, problem, warning } from '../base/diagnostic.ts';
import { digestOf } from '../base/digest.ts';
import { sourceText } from '../config/source-text.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { CacheWriteError } from '../files/write-error.ts';
import type { Plan } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import { LOCK_FORMAT, lockOf, lockPath } from './lock-file.ts';
import { shownSettings } from './locked-stage.ts';

/** The lock file of a plan as the disk has it. */
interface Held {
  readonly path: string;
  readonly written: string | undefined;
  /** Names the memo that says: this text is right for a run that finds just this cached. Undefined where something ran. */
  readonly key: string | undefined;
}

function hold(plan: Plan, tolerance: number): Held {
  const path = lockPath(plan.config.path);
  const written = readText(path);
  if (written === undefined || plan.stages.some(({ status }) => status === 'run'))
    return { path, written, key: undefined };
  // All that a lock is made from, without making it: a cached run has no time for that.
  const made = plan.stages.map((stage) => [
    stage.name,
    stage.fingerprint,
    stage.entry?.createdAt ?? null,
    stage.inputs,
    stage.config.environment.size > 0 ? shownSettings(stage, '') : stage.params,
  ]);
  const all = JSON.stringify([
    plan.config.name,
    plan.config.overrides,
    plan.config.stages.map(({ name }) => name),
    made,
  ]);
  return { path, written, key: `lock ${LOCK_FORMAT} ${tolerance} ${digestOf(written)} ${digestOf(all)}` };
}

function remember(workspace: Workspace, { key }: Held): void {
  if (key !== undefined) workspace.memo.set(key, new Uint8Array(1));
}

/** Writes what a succeeded run found. @returns warnings: a lock that cannot be kept costs nobody the run. */
export async function updateLock(plan: Plan, workspace: Workspace, tolerance: number): Promise<readonly Diagnostic[]> {
  const held = hold(plan, tolerance);
  if (held.key !== undefined && workspace.memo.get(held.key)) return [];
  const { path, written } = held;
  const { lockText } = await import('./lock-text.ts');
  const now = lockOf(plan, workspace);
  if (written === undefined) return write(path, lockText(now));
  const { readLock } = await import('./read-lock.ts');
  const { mergedLock } = await import('./merged-lock.ts');
  const before = await readLock(sourceText(path, written));
  if (!before.ok) {
    if (before.error.code === 'L004') return [{ ...before.error, severity: 'warning' }];
    const help = 'it is written anew from this run';
    return [{ ...before.error, severity: 'warning', help }, ...write(path, lockText(now))];
  }
  const merged = lockText(mergedLock(before.value, now, plan, tolerance));
  if (merged !== written) return write(path, merged);
  remember(workspace, held);
  return [];
}

/**
 * What differs from the lock file, as diagnostics; none where all is as locked. Before the run nobody knows the counts and metrics of
 * stages that are not cached: they are left out then.
 */
export async function heldToLock(
  plan: Plan,
  workspace: Workspace,
  { tolerance, beforeRun }: { readonly tolerance: number; readonly beforeRun: boolean },
): Promise<readonly Diagnostic[]> {
  const held = hold(plan, tolerance);
  if (held.key !== undefined && workspace.memo.get(held.key)) return [];
  const { path, written } = held;
  if (written === undefined)
    return [
      problem('L002', `there is no ${basename(path)} beside ${basename(plan.config.path)}`, {
        help: 'run without --locked and commit the lock file',
      }),
    ];
  const { readLock } = await import('./read-lock.ts');
  const { compareLocks, matters } = await import('./compare-locks.ts');
  const { describeDifferences } = await import('./describe-differences.ts');
  const lock = await readLock(sourceText(path, written), workspace.memo);
  if (!lock.ok) return [lock.error];
  const whole = plan.stages.length === plan.config.stages.length;
  const only = whole ? undefined : new Set(plan.stages.map(({ name }) => name));
  const found = compareLocks(lock.value, lockOf(plan, workspace), {
    tolerance,
    beforeRun,
    ...(only && { only }),
  }).filter(matters);
  if (found.length === 0) remember(workspace, held);
  return describeDifferences(found).map(({ stage, text }) =>
    problem('L001', `${stage} is not as ${basename(path)} has it: ${text}`, {
      location: plan.config.stages.find(({ name }) => name === stage)?.location(),
      help: 'run without --locked to update the lock and commit it, or undo the change',
    }),
  );
}

function write(path: string, text: string): readonly Diagnostic[] {
  try {
    writeFileAtomically(path, text);
    return [];
  } catch (error) {
    if (!(error instanceof CacheWriteError)) throw error;
    return [
      warning('L006', error.message, { help: 'make the folder writable, or run with --locked, which writes none' }),
    ];
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

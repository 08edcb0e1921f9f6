/** A record a run, `.pipe/runs/<id>/record.json`: what ran, on what, and what came out. Older records stay readable. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../base/json.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { pathFromRoot } from '../files/project.ts';
import { CacheWriteError } from '../files/write-error.ts';
import type { FingerprintRecord } from '../plan/fingerprint.ts';
import type { Plan } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import type { RunSummary } from '../scheduler/events.ts';
import { commitOf } from './git-commit.ts';

export interface RunRecord {
  readonly format: 1;
  readonly id: string;
  readonly startedAt: string;
  /** Path of the pipeline file from the project's root. */
  readonly pipeline: string;
  readonly commit: string | null;
  readonly overrides: Readonly<Record<string, Json>>;
  readonly node: string;
  readonly summary: RunSummary;
  /** The fingerprint record of every stage: what `why` compares. Values from the environment are hidden in it. */
  readonly records: Readonly<Record<string, FingerprintRecord>>;
}

/** Sortable by time, unlike any other. */
export function newRunId(now: Date = new Date()): string {
  return `${now.toISOString().replace(/[-:T]/g, '').slice(0, 14)}-${randomBytes(3).toString('hex')}`;
}

/** Writes the record; no fsync, since nothing is computed from it. A disk that refuses costs the record, not the run. */
export function writeRunRecord(plan: Plan, workspace: Workspace, summary: RunSummary, startedAt: Date): void {
  const record: RunRecord = {
    format: 1,
    id: summary.run,
    startedAt: startedAt.toISOString(),
    pipeline: pathFromRoot(workspace.project.root, plan.config.path),
    commit: commitOf(workspace.project.root) ?? null,
    overrides: plan.config.overrides,
    node: process.version,
    summary,
    records: Object.fromEntries(plan.stages.map(({ name, record: input }) => [name, input])),
  };
  try {
    writeFileAtomically(join(workspace.project.runs, summary.run, 'record.json'), `${JSON.stringify(record)}\n`, {
      flush: false,
    });
  } catch (error) {
    if (!(error instanceof CacheWriteError)) throw error;
  }
}

/** All records, the newest first; damaged ones and those of newer formats are left out. */
export function* readRunRecords(runs: string): Generator<RunRecord> {
  if (!existsSync(runs)) return;
  for (const id of readdirSync(runs).sort().reverse()) {
    const record = readRunRecord(runs, id);
    if (record) yield record;
  }
}

export function readRunRecord(runs: string, id: string): RunRecord | undefined {
  try {
    const record: RunRecord = JSON.parse(readFileSync(join(runs, id, 'record.json'), 'utf8'));
    return record.format === 1 ? record : undefined;
  } catch {
    return undefined;
  }
}

/** The record of a stage at the last run of a pipeline file. Reads nothing until it is asked. */
export function lastRecords(runs: string, pipeline: string): (stage: string) => FingerprintRecord | undefined {
  const known = new Map<string, FingerprintRecord>();
  let rest: Generator<RunRecord> | undefined;
  let looked = 0;
  return (stage) => {
    rest ??= readRunRecords(runs);
    while (!known.has(stage) && looked < 50) {
      const next = rest.next();
      if (next.done) break;
      looked++;
      if (next.value.pipeline !== pipeline) continue;
      for (const [name, record] of Object.entries(next.value.records)) if (!known.has(name)) known.set(name, record);
    }
    return known.get(stage);
  };
}

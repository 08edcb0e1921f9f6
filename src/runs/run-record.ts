/** A record a run, `.pipe/runs/<id>/record.json`: what ran, on what, and what came out. Older records stay readable. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject, type Json } from '../base/json.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { commitOf } from '../files/git-commit.ts';
import { pathFromRoot } from '../files/project.ts';
import { CacheWriteError } from '../files/write-error.ts';
import type { FingerprintRecord } from '../plan/fingerprint.ts';
import type { Plan } from '../plan/plan.ts';
import type { Workspace } from '../plan/workspace.ts';
import type { RunSummary, StageResult } from '../scheduler/events.ts';
import type { RunDetails } from './run-details.ts';
import type { WorkTreeState } from './work-tree-state.ts';

/** Raised when an older version would misread a record. 1 knew no `dirty`. */
export const RECORD_FORMAT = 2;

export interface RunRecord {
  readonly format: typeof RECORD_FORMAT;
  readonly id: string;
  readonly startedAt: string;
  /** Path of the pipeline file from the project's root. */
  readonly pipeline: string;
  readonly commit: string | null;
  /** Whether the work tree differed from the commit; null where nobody looked, as in a run that found everything cached. */
  readonly dirty: boolean | null;
  readonly overrides: Readonly<Record<string, Json>>;
  readonly node: string;
  readonly summary: RunSummary;
  /** The fingerprint record of every stage: what `why` compares. Values from the environment are hidden in it. */
  readonly records: Readonly<Record<string, FingerprintRecord>>;
}

/** Sortable by time, unlike any other: the second, then its thousandth and three random digits, as hexadecimal ones. */
export function newRunId(now: Date = new Date()): string {
  const thousandth = now.getUTCMilliseconds().toString(16).padStart(3, '0');
  const random = randomBytes(2).toString('hex').slice(0, 3);
  return `${now.toISOString().replace(/[-:T]/g, '').slice(0, 14)}-${thousandth}${random}`;
}

/** What is kept beside the record itself, so that listing many records stays quick. */
export interface BesideRecord {
  readonly details: RunDetails;
  readonly state: WorkTreeState | undefined;
  /** Lines of the log; none where nothing happened. */
  readonly log: readonly string[];
}

/** The record of a run that has ended. */
export function runRecordOf(
  plan: Plan,
  workspace: Workspace,
  summary: RunSummary,
  startedAt: Date,
  state: WorkTreeState | undefined,
): RunRecord {
  return {
    format: RECORD_FORMAT,
    id: summary.run,
    startedAt: startedAt.toISOString(),
    pipeline: pathFromRoot(workspace.project.root, plan.config.path),
    commit: commitOf(workspace.project.root) ?? null,
    dirty: state?.dirty ?? null,
    overrides: plan.config.overrides,
    node: process.version,
    summary,
    records: Object.fromEntries(plan.stages.map(({ name, record: input }) => [name, input])),
  };
}

/** Writes the record; no fsync, since nothing is computed from it. A disk that refuses costs the record, not the run. */
export function writeRunRecord(runs: string, record: RunRecord, { details, state, log }: BesideRecord): void {
  const folder = join(runs, record.id);
  const write = (name: string, content: string | Uint8Array) =>
    writeFileAtomically(join(folder, name), content, { flush: false });
  try {
    write('details.json', `${JSON.stringify(details)}\n`);
    if (state?.patch) write('patch.diff', state.patch);
    if (log.length > 0) write('log.jsonl', `${log.join('\n')}\n`);
    write('record.json', `${JSON.stringify(record)}\n`);
  } catch (error) {
    if (!(error instanceof CacheWriteError)) throw error;
  }
}

/** All records, the newest first; damaged ones and those of newer formats are left out, and told to `skipped`. */
export function* readRunRecords(runs: string, skipped: (id: string) => void = () => undefined): Generator<RunRecord> {
  if (!existsSync(runs)) return;
  for (const id of readdirSync(runs).sort().reverse()) {
    const record = readRunRecord(runs, id);
    if (record) yield record;
    else skipped(id);
  }
}

export function readRunRecord(runs: string, id: string): RunRecord | undefined {
  try {
    const record: RunRecord & { readonly format: number } = JSON.parse(
      readFileSync(join(runs, id, 'record.json'), 'utf8'),
    );
    if (typeof record.id !== 'string' || !isJsonObject(record.summary?.stages) || !isJsonObject(record.records))
      return undefined;
    if (record.format === RECORD_FORMAT) return record;
    return record.format === 1 ? { ...record, format: RECORD_FORMAT, dirty: null } : undefined;
  } catch {
    return undefined;
  }
}

/** The record of a stage at the last run of a pipeline file that finished it. Reads nothing until it is asked. */
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
      const { records, summary } = next.value;
      for (const [name, record] of Object.entries(records))
        if (!known.has(name) && isFinished(summary.stages[name]?.status)) known.set(name, record);
    }
    return known.get(stage);
  };
}

function isFinished(status: StageResult['status'] | undefined): boolean {
  return status === 'ran' || status === 'cached';
}

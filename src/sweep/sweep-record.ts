/** A record a sweep, `.pipe/sweeps/<id>.json`: what was varied and what came out. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../base/json.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import type { Project } from '../files/project.ts';
import { CacheWriteError } from '../files/write-error.ts';
import type { MeasuredStage } from '../runs/predict-time.ts';
import type { Goal } from './goal.ts';
import type { SweepSummary } from './run-sweep.ts';

export interface SweepRecord {
  readonly format: 1;
  readonly id: string;
  readonly startedAt: string;
  /** Path of the pipeline file from the project's root. */
  readonly pipeline: string;
  readonly strategy: string;
  readonly over: Json;
  readonly overrides: Readonly<Record<string, Json>>;
  readonly goal: Goal;
  /** Stages that ran, some of each kind: what later sweeps predict their time by. */
  readonly measured?: readonly MeasuredStage[];
  readonly summary: Pick<SweepSummary, 'outcome' | 'exitCode' | 'durationMs' | 'trials'>;
}

/** `<root>/.pipe/sweeps`. */
export function sweepsFolder({ runs }: Project): string {
  return join(runs, '..', 'sweeps');
}

/** No fsync, since nothing is computed from it. A disk that refuses costs the record, not the sweep. */
export function writeSweepRecord(folder: string, record: SweepRecord): void {
  try {
    writeFileAtomically(join(folder, `${record.id}.json`), `${JSON.stringify(record)}\n`, { flush: false });
  } catch (error) {
    if (!(error instanceof CacheWriteError)) throw error;
  }
}

/** The record of an id or its beginning; the newest one that can be read for `@last`, the one before it for `@last~1`. */
export function readSweepRecord(folder: string, id: string): SweepRecord | undefined {
  const names = namesIn(folder);
  const back = /^@last(?:~(\d+))?$/.exec(id);
  if (!back) {
    const found = names.find((name) => name.startsWith(id));
    return found === undefined ? undefined : readRecord(folder, found);
  }
  let left = Number(back[1] ?? 0);
  for (const name of names) {
    const record = readRecord(folder, name);
    if (record && left-- === 0) return record;
  }
  return undefined;
}

/** The whole id of a sweep. */
export function findSweepId(folder: string, id: string): string | undefined {
  return readSweepRecord(folder, id)?.id;
}

/** Sweeps that are asked how long stages took. */
const MOST_ASKED = 5;

/** What the last sweeps of a pipeline file measured. */
export function measuredBySweeps(folder: string, pipeline: string): readonly MeasuredStage[] {
  return namesIn(folder)
    .slice(0, MOST_ASKED)
    .flatMap((name) => readRecord(folder, name) ?? [])
    .filter((record) => record.pipeline === pipeline)
    .flatMap(({ measured }) => measured ?? []);
}

/** The newest first. */
function namesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.sort().reverse();
}

function readRecord(folder: string, found: string): SweepRecord | undefined {
  try {
    // JSON has no NaN: a score that is none was written as null.
    const record: SweepRecord = JSON.parse(readFileSync(join(folder, found), 'utf8'), (key, value) =>
      key === 'score' && value === null ? Number.NaN : value,
    );
    return record.format === 1 ? record : undefined;
  } catch {
    return undefined;
  }
}

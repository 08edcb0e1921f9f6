/**
 * The trials of a sweep as run records, `.pipe/sweeps/<id>.runs.jsonl`: for `show` and `compare`. A stage that many trials share is one
 * line, so that the file grows with what the trials have of their own.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fingerprint } from '../base/digest.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { CacheWriteError } from '../files/write-error.ts';
import type { FingerprintRecord } from '../plan/fingerprint.ts';
import type { RunRecord } from '../runs/run-record.ts';
import type { StageResult } from '../scheduler/events.ts';
import { findSweepId } from './sweep-record.ts';

interface StageLine {
  readonly stage: Fingerprint;
  readonly result: StageResult;
  readonly record: FingerprintRecord;
  readonly metrics?: Readonly<Record<string, number>>;
}

interface RunLine {
  /** `<sweep>.<trial>`, or `<sweep>.<trial>.<run>`. */
  readonly run: string;
  readonly record: Omit<RunRecord, 'records'>;
  /** By the names of the pipeline file. */
  readonly stages: Readonly<Record<string, Fingerprint>>;
}

export class SweptRuns {
  readonly #stages = new Map<Fingerprint, string>();
  readonly #runs: string[] = [];

  add(run: RunRecord): void {
    const stages: Record<string, Fingerprint> = {};
    const { records, ...record } = run;
    const { stages: results, metrics, ...summary } = record.summary;
    for (const [name, result] of Object.entries(results)) {
      const input = records[name];
      if (!input) continue;
      stages[name] = result.fingerprint;
      if (this.#stages.has(result.fingerprint)) continue;
      const own = metrics[name];
      const line: StageLine = { stage: result.fingerprint, result, record: input, ...(own && { metrics: own }) };
      this.#stages.set(result.fingerprint, JSON.stringify(line));
    }
    const line: RunLine = {
      run: run.id,
      record: { ...record, summary: { ...summary, stages: {}, metrics: {} } },
      stages,
    };
    this.#runs.push(JSON.stringify(line));
  }

  /** No fsync, and a disk that refuses costs the file, not the sweep: as with run records. */
  write(folder: string, sweep: string): void {
    try {
      const lines = [...this.#stages.values(), ...this.#runs];
      writeFileAtomically(join(folder, `${sweep}.runs.jsonl`), `${lines.join('\n')}\n`, { flush: false });
    } catch (error) {
      if (!(error instanceof CacheWriteError)) throw error;
    }
  }
}

/** A trial's run by `SWEEP.TRIAL` or `SWEEP.TRIAL.RUN`, SWEEP being an id, the beginning of one, `@sweep` for the newest, or `@sweep~1`. */
export function findSweptRun(folder: string, id: string): RunRecord | undefined {
  const [, sweep = '', trial = ''] = /^(@sweep(?:~\d{1,6})?|[\w-]{4,})\.(\d+(?:\.\d+)?)$/.exec(id) ?? [];
  const found = trial === '' ? undefined : findSweepId(folder, sweep.replace('@sweep', '@last'));
  if (found === undefined) return undefined;
  try {
    const lines = readFileSync(join(folder, `${found}.runs.jsonl`), 'utf8').split('\n');
    const start = `{"run":${JSON.stringify(`${found}.${trial}`)},`;
    const own = lines.find((line) => line.startsWith(start));
    if (own === undefined) return undefined;
    const { record, stages }: RunLine = JSON.parse(own);
    const wanted = new Set(Object.values(stages).map((fingerprint) => `{"stage":${JSON.stringify(fingerprint)},`));
    const shared = new Map<Fingerprint, StageLine>();
    for (const line of lines) {
      if (!wanted.has(line.slice(0, line.indexOf(',') + 1))) continue;
      const stage: StageLine = JSON.parse(line);
      shared.set(stage.stage, stage);
    }
    const pick = <T>(part: (stage: StageLine) => T | undefined): Readonly<Record<string, T>> =>
      Object.fromEntries(
        Object.entries(stages).flatMap(([name, fingerprint]) => {
          const stage = shared.get(fingerprint);
          const value = stage && part(stage);
          return value === undefined ? [] : [[name, value] as const];
        }),
      );
    const summary = {
      ...record.summary,
      stages: pick(({ result }) => result),
      metrics: pick(({ metrics }) => metrics),
    };
    return { ...record, summary, records: pick(({ record: input }) => input) };
  } catch {
    return undefined;
  }
}

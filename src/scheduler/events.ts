/** All that a run has to say. Only reporters print; `--json` writes each event as a line. */
import type { Diagnostic, ExitCode } from '../base/diagnostic.ts';
import type { Digest, Fingerprint } from '../base/digest.ts';
import type { Producer } from '../engines/engine.ts';
import type { FingerprintRecord } from '../plan/fingerprint.ts';
import type { Reason } from '../plan/reason.ts';

export type StageStatus = 'ran' | 'cached' | 'failed' | 'skipped';
export type RunOutcomeName = 'succeeded' | 'failed' | 'interrupted';

/** A metric over several runs. */
export interface Repeated {
  readonly mean: number;
  readonly deviation: number;
  readonly runs: number;
}

/** What became of a stage. */
export interface StageResult {
  readonly status: StageStatus;
  readonly fingerprint: Fingerprint;
  readonly reason: Reason;
  /** Only on stages with a row space. */
  readonly rows?: { readonly total: number; readonly computed: number; readonly cached: number };
  readonly durationMs: number;
  /** How long the run that filled the cache took, on a hit. */
  readonly savedMs?: number;
  readonly producer?: Producer;
}

export interface RunSummary {
  readonly run: string;
  readonly outcome: RunOutcomeName;
  readonly exitCode: ExitCode;
  readonly durationMs: number;
  /** By stage name, in plan order. */
  readonly stages: Readonly<Record<string, StageResult>>;
  /** Metrics by evaluate stage. */
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Metrics over seeds and folds, by stage as written, where there are several: `n − 1` in the deviation's denominator. */
  readonly repeats?: Readonly<Record<string, Readonly<Record<string, Repeated>>>>;
  /** Files made for people, by stage: name to path. */
  readonly artifacts: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** One event without its time; reporters add `at`. */
export type RunEvent =
  | {
      readonly event: 'run-started';
      readonly format: 1;
      readonly pipeline: string;
      readonly run: string;
      readonly stages: readonly string[];
    }
  /** The stage is about to run: its fingerprint is not in the cache. */
  | { readonly event: 'stage-started'; readonly stage: string; readonly kind: string; readonly reason: Reason }
  /** Another process computes the same thing; this one waits for it. */
  | { readonly event: 'stage-waiting'; readonly stage: string; readonly owner: string }
  /** `rate` in units of `done` a second, over the last seconds. */
  | {
      readonly event: 'stage-progress';
      readonly stage: string;
      readonly done: number;
      readonly total: number;
      readonly rate: number;
      readonly note?: string;
    }
  | ({
      readonly event: 'stage-finished';
      readonly stage: string;
      readonly kind: string;
      readonly metrics?: Readonly<Record<string, number>>;
    } & StageResult)
  | { readonly event: 'diagnostic'; readonly diagnostic: Diagnostic; readonly stage?: string }
  | ({ readonly event: 'run-finished' } & RunSummary);

export type Emit = (event: RunEvent) => void;

/** What a run record keeps of a stage, beside its result, for `why`, `show` and `compare`. */
export interface StageTrace {
  readonly record: FingerprintRecord;
  readonly artifacts: Readonly<Record<string, Digest>>;
}

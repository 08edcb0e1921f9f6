/** A run as other tools see it: flat parameters, flat metrics, curves. */
import { isJsonArray, isJsonObject, type Json } from '../../base/json.ts';
import type { EpochRecord } from '../../stages/artifacts.ts';
import type { RunDetails } from '../run-details.ts';
import { leavesOf } from '../run-query.ts';
import type { RunRecord } from '../run-record.ts';

export interface RunFacts {
  readonly id: string;
  /** The pipeline's name. */
  readonly pipeline: string;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly succeeded: boolean;
  /** `stage.setting` to a scalar; settings without a value are left out. */
  readonly params: Readonly<Record<string, string | number | boolean>>;
  /** The same as a tree, stage by stage. */
  readonly settings: Readonly<Record<string, Json>>;
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly curves: Readonly<Record<string, readonly EpochRecord[]>>;
  readonly tags: Readonly<Record<string, string>>;
}

export function factsOf(record: RunRecord, details: RunDetails | undefined): RunFacts {
  const { id, summary, commit, dirty, overrides } = record;
  const stages = Object.entries(details?.pipeline.stages ?? {}).map(([name, stage]) => [name, stage.with] as const);
  const written =
    stages.length > 0 ? stages : Object.entries(record.records).map(([name, stage]) => [name, stage.with] as const);
  const leaves = written.flatMap(([name, settings]) => Object.entries(leavesOf(settings, name)));
  const startedMs = Date.parse(record.startedAt);
  const set = Object.entries(overrides).map(([path, value]) => `${path}=${JSON.stringify(value)}`);
  return {
    id,
    pipeline: details?.pipeline.name ?? record.pipeline,
    startedMs,
    endedMs: startedMs + summary.durationMs,
    succeeded: summary.outcome === 'succeeded',
    params: Object.fromEntries(leaves.flatMap(([path, value]) => (isScalar(value) ? [[path, value]] : []))),
    settings: Object.fromEntries(written),
    metrics: Object.fromEntries(
      Object.entries(summary.metrics).map(([stage, values]) => [
        stage,
        // JSON has no word for NaN: it is null in a record.
        Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value ?? Number.NaN])),
      ]),
    ),
    curves: details?.curves ?? {},
    tags: {
      'pipe.pipeline': record.pipeline,
      ...(commit !== null && { 'pipe.commit': commit }),
      ...(dirty !== null && { 'pipe.dirty': String(dirty) }),
      ...(set.length > 0 && { 'pipe.set': set.join(' ') }),
    },
  };
}

function isScalar(value: Json): value is string | number | boolean {
  return value !== null && !isJsonArray(value) && !isJsonObject(value);
}

/** Why a stage runs or does not: structured, so that `why` can turn it into a sentence and `--json` can carry it. */
import { isJsonObject, type Json } from '../base/json.ts';
import type { FingerprintRecord } from './fingerprint.ts';

/** One key whose value differs between two fingerprint records. `before` or `after` is absent where the key is new or gone. */
export interface Change {
  /** Dotted path below the stage's `with`, or `kind`, `version`, `seed`. */
  readonly path: string;
  readonly before?: Json;
  readonly after?: Json;
}

export type Reason =
  /** An entry with this fingerprint is in the cache. */
  | { readonly type: 'cached' }
  /** No entry, and no earlier run of this stage is known. */
  | { readonly type: 'new' }
  /** Something that decides the artifacts differs from the last run. */
  | { readonly type: 'changed'; readonly changes: readonly Change[]; readonly inputs: readonly string[] }
  /** The last run had this very fingerprint, but its entry is gone from the cache. */
  | { readonly type: 'lost' }
  /** `--force`. */
  | { readonly type: 'forced' }
  /** An artifact turned out damaged when it was read. */
  | { readonly type: 'damaged'; readonly detail: string }
  /** Not in the cache, but nothing that runs reads it. */
  | { readonly type: 'not-needed' }
  /** A stage that it reads failed. */
  | { readonly type: 'upstream-failed'; readonly stage: string };

/** Compares the records of one stage at two times. `stageOf` names the stage behind a port. */
export function reasonForRun(
  record: FingerprintRecord,
  previous: FingerprintRecord | undefined,
  stageOf: (port: string) => string,
): Reason {
  if (!previous) return { type: 'new' };
  const changes = changesBetween(previous, record);
  const ports = Object.keys({ ...previous.inputs, ...record.inputs });
  const inputs = ports.filter((port) => previous.inputs[port] !== record.inputs[port]).map(stageOf);
  if (changes.length === 0 && inputs.length === 0) return { type: 'lost' };
  return { type: 'changed', changes, inputs };
}

export function changesBetween(before: FingerprintRecord, after: FingerprintRecord): readonly Change[] {
  return [
    ...differences('kind', before.kind, after.kind),
    ...differences('version', before.version, after.version),
    ...differences('seed', before.seed, after.seed),
    ...differences('', before.with, after.with),
  ];
}

/** Differences of two JSON values, as paths to the smallest parts that differ; lists are compared item by item. */
export function differences(path: string, before: Json | undefined, after: Json | undefined): readonly Change[] {
  if (before === undefined || after === undefined) {
    if (before === after) return [];
    return [{ path, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }];
  }
  const [left, right] = [membersOf(before), membersOf(after)];
  if (left && right && Array.isArray(before) === Array.isArray(after)) {
    const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    return keys.flatMap((key) => differences(path ? `${path}.${key}` : key, left[key], right[key]));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }];
}

function membersOf(value: Json): Readonly<Record<string, Json>> | undefined {
  if (isJsonObject(value)) return 'keyed' in value ? undefined : value;
  if (Array.isArray(value)) return Object.fromEntries(value.map((item, i) => [String(i), item]));
  return undefined;
}

/** The reason in a few words, for a run's line of output. */
export function describeReason(reason: Reason): string {
  switch (reason.type) {
    case 'cached':
      return 'cached';
    case 'new':
      return 'not run before';
    case 'lost':
      return 'its cache entry is gone';
    case 'forced':
      return 'forced';
    case 'damaged':
      return `damaged in the cache: ${reason.detail}`;
    case 'not-needed':
      return 'nothing that runs reads it';
    case 'upstream-failed':
      return `${reason.stage} failed`;
    case 'changed':
      return [...reason.changes.map(describeChange), ...reason.inputs.map((stage) => `${stage} changed`)].join(', ');
  }
}

/** `head.epochs 20 → 5`; a value from the environment is never shown. */
export function describeChange(change: Change): string {
  const { before, after, path } = change;
  if (hidden(before) || hidden(after)) return `env:${hidden(after) ?? hidden(before)} (changed)`;
  if (before === undefined) return `${path} ${show(after)} (new)`;
  if (after === undefined) return `${path} ${show(before)} (removed)`;
  return `${path} ${show(before)} → ${show(after)}`;
}

function hidden(value: Json | undefined): string | undefined {
  return isJsonObject(value) && 'keyed' in value && typeof value['env'] === 'string' ? value['env'] : undefined;
}

/** Of a digest the beginning is enough. */
function show(value: Json | undefined): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null);
  if (/^[0-9a-f]{64}$/.test(text)) return `${text.slice(0, 8)}…`;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** What a lock file and a run record say about one stage. */
import { basename, isAbsolute, relative, sep } from 'node:path';
import { taggedDigest } from '../base/digest.ts';
import { isJsonArray, isJsonObject, type Json } from '../base/json.ts';
import type { CacheEntry } from '../cache/entry-store.ts';
import type { PlannedStage } from '../plan/plan.ts';
import { artifactOf } from '../plan/plan.ts';
import type { Artifact } from '../stages/artifacts.ts';
import type { LockedStage } from './lock-file.ts';

/** `folder` is the pipeline file's: paths below it are told relative to it. */
export function lockedStage(stage: PlannedStage, entry: CacheEntry | undefined, folder: string): LockedStage {
  const { record, kind, inputs, resolved } = stage;
  const from = Object.fromEntries(
    Object.entries(inputs).map(([port, input]) => [port, `${input.stage}.${input.artifact}`]),
  );
  const { kind: name, version, seed } = record;
  const identity = withoutKeyedHashes(record.with);
  const found = kind.resolve ? digestsIn(resolved.identity) : new Map<string, string>();
  const backbone = resolved.backbone?.identity;
  const weights = backbone && [backbone['weights'], backbone['file']].find((value) => typeof value === 'string');
  const producer = entry?.producer;
  return {
    kind: name,
    version,
    fingerprint: taggedDigest('locked stage', { kind: name, version, seed, from, with: identity }),
    seed,
    from,
    with: shownSettings(stage, folder),
    data: Object.fromEntries([...found].filter(([, digest]) => digest !== weights)),
    weights: typeof weights === 'string' ? weights : null,
    counts: countsOf(stage, entry),
    engine: producer ? `${producer.engine} ${producer.version} ${producer.device}` : null,
    metrics: metricsOf(stage, entry),
  };
}

/** The artifacts of a stage by name. */
export function artifactsOf(
  stage: PlannedStage,
  entry: CacheEntry | undefined,
): readonly (readonly [string, Artifact])[] {
  if (!entry) return [];
  return Object.keys(stage.kind.gives).flatMap((name) => {
    const artifact = artifactOf(entry, name);
    return artifact ? [[name, artifact] as const] : [];
  });
}

/** Keyed hashes of values from the environment differ from cache to cache: only the variable's name is left. */
function withoutKeyedHashes(value: Json): Json {
  if (isJsonArray(value)) return value.map(withoutKeyedHashes);
  if (!isJsonObject(value)) return value;
  const { env, keyed, ...rest } = value;
  if (typeof env === 'string' && typeof keyed === 'string' && Object.keys(rest).length === 0) return { env };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutKeyedHashes(item)]));
}

/** Completed settings for people: values from the environment by name, absolute paths relative. */
export function shownSettings({ params, config }: Pick<PlannedStage, 'params' | 'config'>, folder: string): Json {
  const json: Json = JSON.parse(JSON.stringify(params ?? {}));
  const show = (value: Json): Json => {
    if (isJsonArray(value)) return value.map(show);
    if (isJsonObject(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, show(item)]));
    for (const [name, secret] of config.environment) if (value === secret) return `env:${name}`;
    return typeof value === 'string' ? portablePath(value, folder) : value;
  };
  return show(json);
}

/** An absolute path names a machine: one near the pipeline file becomes relative to it, of any other the last part stays. */
function portablePath(text: string, folder: string): string {
  if (!isAbsolute(text) || !/[\\/]./.test(text.slice(1))) return text;
  const way = relative(folder, text);
  const up = way.split(sep).filter((part) => part === '..').length;
  return up <= 3 && !isAbsolute(way) ? way.split(sep).join('/') : `…/${basename(text)}`;
}

/** Dotted paths of all digests in what a kind found out about files. */
function digestsIn(identity: Json, path = ''): ReadonlyMap<string, string> {
  if (typeof identity === 'string') return DIGEST.test(identity) ? new Map([[path, identity]]) : new Map();
  const members = isJsonObject(identity)
    ? Object.entries(identity)
    : isJsonArray(identity)
      ? [...identity.entries()]
      : [];
  return new Map(members.flatMap(([key, value]) => [...digestsIn(value, path ? `${path}.${key}` : String(key))]));
}

const DIGEST = /^(sha256:|md5:)?([0-9a-f]{64}|[0-9a-f]{32})$/;

function countsOf(stage: PlannedStage, entry: CacheEntry | undefined): Readonly<Record<string, number>> {
  for (const [, artifact] of artifactsOf(stage, entry)) if (artifact.type === 'dataset') return { ...artifact.counts };
  return entry?.rows ? { rows: entry.rows.total } : {};
}

/** A number that JSON has no word for comes back from the cache as null. */
function metricsOf(stage: PlannedStage, entry: CacheEntry | undefined): Readonly<Record<string, number>> {
  const found = artifactsOf(stage, entry).flatMap(([, artifact]) =>
    artifact.type === 'metrics' ? Object.entries(artifact.values) : [],
  );
  return Object.fromEntries(
    found.map(([name, value]) => [name, typeof value === 'number' ? sixDigits(value) : Number.NaN]),
  );
}

/** A number at six significant digits. */
export function sixDigits(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(6)) : value;
}

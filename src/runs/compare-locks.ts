/** What differs between two lock files. */
import type { Json } from '../base/json.ts';
import { differences } from '../plan/reason.ts';
import { DEFAULT_TOLERANCE, type LockedStage, type LockFile } from './lock-file.ts';

/** What a difference is about. `engine` alone never makes two locks differ. */
export type Aspect = 'stage' | 'setting' | 'data' | 'weights' | 'count' | 'metric' | 'fingerprint' | 'engine';

export interface Difference {
  readonly stage: string;
  readonly aspect: Aspect;
  /** Setting, split or metric; empty for the stage itself. */
  readonly path: string;
  /** Absent where it is new. */
  readonly before?: Json;
  /** Absent where it is gone. */
  readonly after?: Json;
}

/** Whether a metric is as it was: absolute for locked values up to 1 in size, relative beyond. NaN is as NaN was. */
export function withinTolerance(locked: number, now: number, tolerance = DEFAULT_TOLERANCE): boolean {
  if (!Number.isFinite(locked) || !Number.isFinite(now)) return Object.is(locked, now);
  return Math.abs(now - locked) <= tolerance * Math.max(1, Math.abs(locked));
}

export interface CompareOptions {
  /** For metrics; 0 shows every change of the six digits. */
  readonly tolerance: number;
  /** Only these stages; all where absent. */
  readonly only?: ReadonlySet<string>;
  /** Leave out what only a finished run can tell: counts and metrics of stages that `after` knows none of. */
  readonly beforeRun?: boolean;
}

/** Differences by stage in the order of names, settings before metrics. */
export function compareLocks(before: LockFile, after: LockFile, options: CompareOptions): readonly Difference[] {
  const names = [...new Set([...before.stages.keys(), ...after.stages.keys()])].sort();
  return names
    .filter((name) => options.only?.has(name) ?? true)
    .flatMap((name) => compareStages(name, before.stages.get(name), after.stages.get(name), options));
}

function compareStages(
  stage: string,
  before: LockedStage | undefined,
  after: LockedStage | undefined,
  { tolerance, beforeRun = false }: CompareOptions,
): readonly Difference[] {
  const as = (aspect: Aspect, path: string, left?: Json, right?: Json): Difference => ({
    stage,
    aspect,
    path,
    ...(left !== undefined && { before: left }),
    ...(right !== undefined && { after: right }),
  });
  if (!before || !after) {
    const metrics = Object.keys({ ...before?.metrics, ...after?.metrics }).map((name) =>
      as('metric', name, jsonNumber(before?.metrics[name]), jsonNumber(after?.metrics[name])),
    );
    return [as('stage', '', before?.kind, after?.kind), ...metrics];
  }
  const settings = differences('', decidingOf(before), decidingOf(after)).map((change) =>
    as('setting', change.path, change.before, change.after),
  );
  const data = differences('', before.data, after.data).map((c) => as('data', c.path, c.before, c.after));
  const weights = before.weights === after.weights ? [] : [as('weights', '', before.weights, after.weights)];
  const same = settings.length + data.length + weights.length === 0;
  const unknown = beforeRun && Object.keys(after.counts).length === 0;
  const counts = unknown ? [] : differences('', before.counts, after.counts);
  const untold = beforeRun && Object.keys(after.metrics).length === 0;
  const names = untold ? [] : Object.keys({ ...before.metrics, ...after.metrics }).sort();
  const metrics = names.filter((name) => {
    const [left, right] = [before.metrics[name], after.metrics[name]];
    return left === undefined || right === undefined || !withinTolerance(left, right, tolerance);
  });
  return [
    ...settings,
    ...data,
    ...weights,
    ...(same && before.fingerprint !== after.fingerprint
      ? [as('fingerprint', '', before.fingerprint, after.fingerprint)]
      : []),
    ...counts.map((c) => as('count', c.path, c.before, c.after)),
    ...metrics.map((name) => as('metric', name, jsonNumber(before.metrics[name]), jsonNumber(after.metrics[name]))),
    ...(after.engine === null || before.engine === after.engine ? [] : [as('engine', '', before.engine, after.engine)]),
  ];
}

/** What somebody decided about a stage: its settings, and above them what surrounds `with`. */
function decidingOf({ kind, version, seed, from, with: settings }: LockedStage): Readonly<Record<string, Json>> {
  const around = { kind, 'kind version': version, ...(seed !== null && { 'pipeline seed': seed }) };
  const read = Object.fromEntries(Object.entries(from).map(([port, source]) => [`from ${port}`, source]));
  return {
    ...around,
    ...read,
    ...(typeof settings === 'object' && settings !== null ? Object.fromEntries(Object.entries(settings)) : {}),
  };
}

function jsonNumber(value: number | undefined): Json | undefined {
  return value === undefined || Number.isFinite(value) ? value : String(value);
}

/** Whether a difference is one that a lock file is kept for. */
export function matters({ aspect }: Difference): boolean {
  return aspect !== 'engine';
}

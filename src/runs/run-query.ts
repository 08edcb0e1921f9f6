/** Chooses and sorts run records: `score.accuracy>0.9`, `head.epochs=5`, `outcome=failed`. */
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { isJsonArray, isJsonObject, type Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { settingAt } from './run-details.ts';
import type { RunRecord } from './run-record.ts';

type Value = string | number | boolean;
type Comparison = (left: Value, right: Value) => boolean;

/** What a record has beside settings and metrics. */
const FIELDS: Readonly<Record<string, (record: RunRecord) => Value | undefined>> = {
  id: ({ id }) => id,
  pipeline: ({ pipeline }) => pipeline,
  outcome: ({ summary }) => summary.outcome,
  commit: ({ commit }) => commit ?? undefined,
  dirty: ({ dirty }) => dirty ?? undefined,
  started: ({ startedAt }) => startedAt,
  seconds: ({ summary }) => summary.durationMs / 1000,
};

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  '>=': (left, right) => typeof left === typeof right && left >= right,
  '<=': (left, right) => typeof left === typeof right && left <= right,
  '!=': (left, right) => left !== right,
  '==': (left, right) => left === right,
  '=': (left, right) => left === right,
  '>': (left, right) => typeof left === typeof right && left > right,
  '<': (left, right) => typeof left === typeof right && left < right,
  '~': (left, right) => String(left).includes(String(right)),
};

interface Condition {
  readonly path: string;
  readonly holds: (value: Value) => boolean;
}

export interface RunQuery {
  /** Each must hold; a record without the value does not hold. */
  readonly where: readonly string[];
  /** A path, smallest first; with `-` before it, largest first. Records without it, and NaN, come last. */
  readonly sort?: string | undefined;
}

/** The records that a query chooses, in its order; newest first where it has none. */
export function queryRuns(
  records: readonly RunRecord[],
  { where, sort }: RunQuery,
): Result<readonly RunRecord[], Diagnostic> {
  const conditions: Condition[] = [];
  for (const words of where) {
    const condition = parseCondition(words);
    if (!condition.ok) return condition;
    conditions.push(condition.value);
  }
  const [sign, path] = sort?.startsWith('-') ? [-1, sort.slice(1)] : [1, sort];
  const asked = [...conditions.map((condition) => condition.path), ...(path === undefined ? [] : [path])];
  const unknown = asked.find(
    (one) => records.length > 0 && !records.some((record) => valueAt(record, one) !== undefined),
  );
  if (unknown !== undefined) return err(unknownPath(unknown, records));
  const chosen = records.filter((record) =>
    conditions.every((condition) => {
      const value = valueAt(record, condition.path);
      return value !== undefined && condition.holds(value);
    }),
  );
  if (path === undefined) return ok(chosen);
  const keyed = chosen.map((record) => ({ record, key: valueAt(record, path) }));
  return ok(keyed.sort((a, b) => byValue(a.key, b.key, sign)).map(({ record }) => record));
}

function byValue(left: Value | undefined, right: Value | undefined, sign: number): number {
  const [first, second] = [isRanked(left), isRanked(right)];
  if (!first || !second) return Number(second) - Number(first);
  if (left === undefined || right === undefined || left === right) return 0;
  return typeof left === typeof right ? (left < right ? -sign : sign) : typeof left < typeof right ? -1 : 1;
}

function isRanked(value: Value | undefined): boolean {
  return value !== undefined && !Number.isNaN(value);
}

function parseCondition(words: string): Result<Condition, Diagnostic> {
  const [, path = '', sign = '', given = ''] =
    /^\s*([^<>=!~]+?)\s*(>=|<=|!=|==|=|>|<|~)\s*(.*?)\s*$/s.exec(words) ?? [];
  const compare = COMPARISONS[sign];
  if (!compare || given === '' || /^[<>=~]/.test(given))
    return err(
      problem('U008', `--where takes PATH OPERATOR VALUE, and "${words}" is not that`, {
        help: "for example --where 'score.accuracy>0.9', 'head.epochs=5', 'outcome!=failed' or 'pipeline~mnist'",
      }),
    );
  const number = Number(given);
  const value = given === 'true' || given === 'false' ? given === 'true' : Number.isNaN(number) ? given : number;
  return ok({
    path,
    holds: (left) =>
      compare(sign === '~' || typeof left !== 'string' ? left : String(left), typeof left === 'string' ? given : value),
  });
}

/** A field, a metric or a setting of a record. */
export function valueAt(record: RunRecord, path: string): Value | undefined {
  const field = Object.hasOwn(FIELDS, path) ? FIELDS[path] : undefined;
  if (field) return field(record);
  const stages = new Set([...Object.keys(record.summary.metrics), ...Object.keys(record.records)]);
  for (const stage of stages) {
    if (!path.startsWith(`${stage}.`)) continue;
    const name = path.slice(stage.length + 1);
    const metrics = record.summary.metrics[stage];
    // JSON has no word for NaN: it is null in a record.
    if (metrics && Object.hasOwn(metrics, name)) return metrics[name] ?? Number.NaN;
    const setting = settingAt(record.records[stage]?.with, name.split('.'));
    if (typeof setting === 'number' || typeof setting === 'string' || typeof setting === 'boolean') return setting;
  }
  return undefined;
}

function unknownPath(path: string, records: readonly RunRecord[]): Diagnostic {
  const known = [...Object.keys(FIELDS), ...new Set(records.slice(0, 50).flatMap(pathsOf))];
  const metrics = records.flatMap(({ summary }) =>
    Object.entries(summary.metrics).flatMap(([stage, values]) => Object.keys(values).map((name) => `${stage}.${name}`)),
  );
  const some = [...new Set(metrics)].slice(0, 6).join(', ');
  return problem('U009', `no run has a metric, setting or field "${path}"`, {
    help: didYouMean(path, known) ?? `for example ${some === '' ? Object.keys(FIELDS).join(', ') : some}`,
  });
}

/** Every metric and setting of a record. */
function pathsOf(record: RunRecord): readonly string[] {
  const metrics = Object.entries(record.summary.metrics).flatMap(([stage, values]) =>
    Object.keys(values).map((name) => `${stage}.${name}`),
  );
  const settings = Object.entries(record.records).flatMap(([stage, input]) => Object.keys(leavesOf(input.with, stage)));
  return [...metrics, ...settings];
}

/** The scalars of a JSON value by dotted path; a hidden value from the environment as `env:NAME`. */
export function leavesOf(value: Json, path: string): Readonly<Record<string, Json>> {
  if (isJsonObject(value)) {
    if (typeof value['env'] === 'string' && 'keyed' in value) return { [path]: `env:${value['env']}` };
    return Object.assign({}, ...Object.entries(value).map(([key, item]) => leavesOf(item, `${path}.${key}`)));
  }
  if (isJsonArray(value) && value.length > 0)
    return Object.assign({}, ...value.map((item, i) => leavesOf(item, `${path}.${i}`)));
  return { [path]: value };
}

/**
 * Which rows go where. Within each class rows are ordered by a hash of (seed, image digest or group), and the first n are taken: one
 * row more moves at most the row at the boundary, and rows of one group, such as copies of an image, share a side.
 */
import { createHash } from 'node:crypto';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { RowTable } from '../../data/row-table.ts';
import type { SplitParams } from './index.ts';

const [TRAIN, VALIDATION, TEST] = [0, 1, 2];

interface Group {
  readonly rank: string;
  readonly rows: readonly number[];
}

export function splitRows(
  params: SplitParams,
  table: RowTable,
  pipelineSeed: number,
): Result<RowTable, readonly Diagnostic[]> {
  const seed = params.seed ?? pipelineSeed;
  const pattern = groupPattern(params.groupBy);
  if (!pattern.ok) return pattern;
  const groupOf = (row: number) => groupName(table, row, pattern.value);
  const rank = (purpose: string, row: number) =>
    createHash('sha256')
      .update(`${purpose}\n${seed}\n${groupOf(row)}`)
      .digest('hex');
  const labelled = [...table.rowsOf('train')].filter((row) => (table.label[row] ?? -1) >= 0);
  if ((params.validation > 0 || params.test > 0) && labelled.length === 0) {
    return err([
      problem('D016', 'there are no labelled training rows to split', {
        help: 'give `train` a label column, or remove the split',
      }),
    ]);
  }
  const { folds, fold, validation } = params;
  const uneven = Object.entries({ validation, test: params.test }).find(([, n]) => n > 1 && !Number.isInteger(n));
  if (uneven) {
    return err([
      problem('D016', `${uneven[0]}: ${uneven[1]} is neither a share nor a number of rows`, {
        help: 'a share is below 1, such as 0.3; a number of rows is whole',
      }),
    ]);
  }
  if (folds !== null && (fold > folds || validation > 0)) {
    const message =
      fold > folds ? `there is no fold ${fold} of ${folds}` : '`folds` and `validation` both say what to measure on';
    return err([problem('D016', message, { help: 'folds count from 1; with `folds`, leave `validation` out' })]);
  }
  const taken = takeRows(labelled, params, table, (row) => rank('take', row));
  if (!taken.ok) return taken;
  const tests = take([...table.rowsOf('test')], params.take.test, (row) => rank('take', row));
  if (!tests.ok) return tests;

  const side = Uint8Array.from(table.split);
  const groups = grouped(taken.value, groupOf, (row) => rank('split', row));
  const strata = params.stratify ? byLabel(groups, table) : [groups];
  const validations = amounts(validation, strata);
  const setAside = amounts(params.test, strata);
  strata.forEach((stratum, i) => {
    const left =
      folds === null
        ? assign(stratum, validations[i] ?? 0, VALIDATION, side)
        : assignFold(stratum, rowsIn(stratum), folds, fold, side);
    assign(left, setAside[i] ?? 0, TEST, side);
  });
  const mayLack = !params.stratify && taken.value.some((row) => side[row] === TRAIN);
  const short = mayLack ? [] : withoutTraining(taken.value, side, table);
  if (short.length > 0) {
    return err([
      problem('D016', `nothing is left to train on for ${short.slice(0, 5).join(', ')}`, {
        help: 'ask for less validation and test, or give more images of that class',
      }),
    ]);
  }
  const kept = new Set([...taken.value, ...tests.value, ...table.rowsOf('validation')]);
  const order = Array.from({ length: table.count }, (_, row) => row).filter(
    (row) => kept.has(row) || (table.split[row] === TRAIN && (table.label[row] ?? -1) < 0),
  );
  return ok(
    table.select(
      order,
      Uint8Array.from(order, (row) => side[row] ?? TRAIN),
    ),
  );
}

function groupPattern(text: string | null): Result<RegExp | null, readonly Diagnostic[]> {
  if (text === null) return ok(null);
  try {
    return ok(new RegExp(text, 'u'));
  } catch (error) {
    return err([
      problem('D016', `groupBy is no regular expression: ${error instanceof Error ? error.message : String(error)}`),
    ]);
  }
}

/** The first group of the match, the match, or the image itself where nothing matches. */
function groupName(table: RowTable, row: number, pattern: RegExp | null): string {
  const match = pattern?.exec(table.name(row));
  return match ? `name ${match[1] ?? match[0]}` : `image ${table.digest(row)}`;
}

/** Rows of each stratum to set aside: its share, rounded; or, of a number of rows in all, so many that they add up to it. */
function amounts(asked: number, strata: readonly (readonly Group[])[]): readonly number[] {
  if (asked < 1) return strata.map((groups) => Math.round(asked * rowsIn(groups)));
  const all = Math.max(
    1,
    strata.flat().reduce((sum, { rows }) => sum + rows.length, 0),
  );
  let before = 0;
  return strata.map((groups) => {
    const from = Math.round((asked * before) / all);
    before += rowsIn(groups);
    return Math.round((asked * before) / all) - from;
  });
}

function rowsIn(groups: readonly Group[]): number {
  return groups.reduce((sum, { rows }) => sum + rows.length, 0);
}

/** Groups by the label that most of their rows have, the smaller one where two tie: a group is never cut in two. In the order of labels. */
function byLabel(groups: readonly Group[], table: RowTable): readonly (readonly Group[])[] {
  const strata = new Map<number, Group[]>();
  for (const group of groups) {
    const label = commonLabel(group, table);
    const stratum = strata.get(label);
    if (stratum) stratum.push(group);
    else strata.set(label, [group]);
  }
  return [...strata].sort(([a], [b]) => a - b).map(([, stratum]) => stratum);
}

function commonLabel({ rows }: Group, table: RowTable): number {
  const counts = new Map<number, number>();
  for (const row of rows) {
    const label = table.label[row] ?? -1;
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const [[label] = [-1]] = [...counts].sort(([a, ofA], [b, ofB]) => ofB - ofA || a - b);
  return label;
}

/** Names of the classes all of whose rows have been set aside. */
function withoutTraining(rows: readonly number[], side: Uint8Array, table: RowTable): readonly string[] {
  const labels = (of: readonly number[]) => new Set(of.map((row) => table.label[row] ?? -1));
  const left = labels(rows.filter((row) => side[row] === TRAIN));
  return [...labels(rows)].filter((label) => !left.has(label)).map((label) => table.classes[label] ?? '');
}

function grouped(
  rows: readonly number[],
  groupOf: (row: number) => string,
  rankOf: (row: number) => string,
): readonly Group[] {
  const groups = new Map<string, number[]>();
  for (const row of rows) {
    const name = groupOf(row);
    const members = groups.get(name);
    if (members) members.push(row);
    else groups.set(name, [row]);
  }
  return [...groups.values()]
    .map((members) => ({ rank: rankOf(members[0] ?? 0), rows: members }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1));
}

/** Moves the first groups to a side until `wanted` rows are there. @returns the groups that are left */
function assign(groups: readonly Group[], wanted: number, to: number, side: Uint8Array): readonly Group[] {
  let moved = 0;
  let at = 0;
  while (at < groups.length && moved < wanted) {
    for (const row of groups[at]?.rows ?? []) side[row] = to;
    moved += groups[at]?.rows.length ?? 0;
    at++;
  }
  return groups.slice(at);
}

/** Moves the groups whose middle row lies in one of `folds` equal stretches to the validation side. @returns the others */
function assignFold(
  groups: readonly Group[],
  rows: number,
  folds: number,
  fold: number,
  side: Uint8Array,
): readonly Group[] {
  let before = 0;
  return groups.filter((group) => {
    const middle = before + group.rows.length / 2;
    before += group.rows.length;
    const chosen = Math.floor((middle * folds) / rows) === fold - 1;
    if (chosen) for (const row of group.rows) side[row] = VALIDATION;
    return !chosen;
  });
}

function takeRows(
  labelled: readonly number[],
  params: SplitParams,
  table: RowTable,
  rankOf: (row: number) => string,
): Result<readonly number[], readonly Diagnostic[]> {
  if (params.takePerClass === null) return take(labelled, params.take.train, rankOf);
  const rows: number[] = [];
  const strata = new Map<number, number[]>();
  for (const row of labelled) {
    const label = table.label[row] ?? -1;
    const stratum = strata.get(label);
    if (stratum) stratum.push(row);
    else strata.set(label, [row]);
  }
  for (const stratum of strata.values()) {
    const some = take(stratum, Math.min(params.takePerClass, stratum.length), rankOf);
    if (!some.ok) return some;
    rows.push(...some.value);
  }
  return ok(rows);
}

function take(
  rows: readonly number[],
  wanted: number | null,
  rankOf: (row: number) => string,
): Result<readonly number[], readonly Diagnostic[]> {
  if (wanted === null) return ok(rows);
  if (wanted > rows.length)
    return err([
      problem('D016', `take asks for ${wanted} rows, but there are ${rows.length}`, { help: `at most ${rows.length}` }),
    ]);
  const ranked = rows
    .map((row) => ({ row, rank: rankOf(row) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : a.row - b.row));
  return ok(ranked.slice(0, wanted).map(({ row }) => row));
}

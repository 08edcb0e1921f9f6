/**
 * A lock file as text. Keys are sorted, each stage has its block between blank lines, so that git shows small differences and
 * merges branches that touched different stages. Written by hand: the YAML package would cost a cached run a tenth of its time.
 */
import { isJsonArray, isJsonObject, type Json } from '../base/json.ts';
import { LOCK_FORMAT, type LockedStage, type LockFile } from './lock-file.ts';

const HEADER = `# What \`pipe run\` found and made. Commit it with the pipeline; never edit it: after a merge conflict, run the pipeline again.\n`;

/** The whole file. */
export function lockText({ pipeline, overrides, stages }: LockFile): string {
  const set = isEmpty(overrides) ? '' : `\noverrides:\n${membersText(overrides, 1)}`;
  const blocks = [...stages.keys()].sort().map((name) => {
    const stage = stages.get(name);
    return stage ? `\n  ${scalarText(name)}:\n${membersText(blockOf(stage), 2, false)}` : '';
  });
  return `${HEADER}lock: ${LOCK_FORMAT}\npipeline: ${scalarText(pipeline)}\n${set}\nstages:\n${blocks.join('')}`;
}

/** A map as YAML, its keys sorted. */
export function yamlMembers(value: Readonly<Record<string, Json>>): string {
  return membersText(value, 0);
}

/** The members of a block in their order, empty ones left out. */
function blockOf(stage: LockedStage): Readonly<Record<string, Json>> {
  const { kind, version, fingerprint, seed, from, data, weights, counts, engine, metrics } = stage;
  const numbers = Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, metricJson(value)]));
  const members: Readonly<Record<string, Json>> = {
    kind,
    version,
    fingerprint,
    seed,
    from,
    with: stage.with,
    data,
    weights,
    counts,
    engine,
    metrics: numbers,
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null && !isEmpty(value)));
}

/** JSON has no word for a metric that is not a number: it stands as a text. */
function metricJson(value: number): Json {
  return Number.isFinite(value) ? value : String(value);
}

function isEmpty(value: Json): boolean {
  return isJsonArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0;
}

function membersText(value: Readonly<Record<string, Json>>, depth: number, sorted = true): string {
  const keys = Object.keys(value);
  if (sorted) keys.sort();
  return keys.map((key) => `${indent(depth)}${scalarText(key)}:${valueText(value[key] ?? null, depth)}`).join('');
}

/** A value behind its key or dash, with the line's end. */
function valueText(value: Json, depth: number): string {
  if (isJsonArray(value)) {
    if (value.length === 0) return ' []\n';
    return `\n${value.map((item) => `${indent(depth + 1)}-${itemText(item, depth + 1)}`).join('')}`;
  }
  if (isJsonObject(value)) return isEmpty(value) ? ' {}\n' : `\n${membersText(value, depth + 1)}`;
  return ` ${scalarText(value)}\n`;
}

/** A map in a list begins behind its dash. */
function itemText(value: Json, depth: number): string {
  if (!isJsonObject(value) || isEmpty(value)) return valueText(value, depth);
  return ` ${membersText(value, depth + 1).trimStart()}`;
}

const indent = (depth: number) => '  '.repeat(depth);

/** Words that YAML 1.1 or 1.2 would not read as text. */
const SPECIAL = /^(true|false|null|yes|no|on|off|y|n|nan|infinity)$/i;

/** What needs no quotes: words, dotted or not, relative paths, digests. */
const PLAIN = /^(\.{1,2}\/)*[A-Za-z_][\w./@+-]*(:[\w./@+-]+)*( [\w.@+][\w.@+-]*)*$/;
/** With a letter other than `e` it can be read as nothing else. */
const PLAIN_DIGEST = /^(?=.*[a-df])[0-9a-f]{64}$/;

function scalarText(value: string | number | boolean | null): string {
  // An integer beyond the exact ones would look like a mistyped one.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return Number(value).toExponential();
  if (typeof value !== 'string') return JSON.stringify(value);
  if ((PLAIN.test(value) && !SPECIAL.test(value)) || PLAIN_DIGEST.test(value)) return value;
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** From bytes to a located value: YAML 1.2, one document, a map; everything questionable is refused with its place. */
import { readFileSync } from 'node:fs';
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Document, parseAllDocuments, visit } from 'yaml';
import { type Diagnostic, type Location, problem } from '../base/diagnostic.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { Located, LocatedMap, Member, Scalar } from './located.ts';

/** Parts of a value after aliases are expanded: a billion laughs ends here. */
const MOST_PARTS = 100_000;
const DEEPEST = 100;
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

export function readYamlFile(path: string): Result<LocatedMap, readonly Diagnostic[]> {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return err([problem(code === 'ENOENT' ? 'P002' : 'P003', code === 'ENOENT' ? `no such pipeline file: ${path}` : `cannot read ${path}: ${code}`)]);
  }
  const text = decodeUtf8(bytes, path);
  return text.ok ? parseYaml(text.value, path) : text;
}

/** UTF-8 alone, with or without a byte order mark. */
function decodeUtf8(bytes: Uint8Array, file: string): Result<string, readonly Diagnostic[]> {
  const start = { file, line: 1, column: 1 };
  const refuse = (encoding: string) => err([problem('P004', `the file is ${encoding}, not UTF-8`, { location: start, help: 'save it as UTF-8' })]);
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) return refuse('UTF-16');
  if (bytes.includes(0)) return refuse('binary or UTF-16 (it holds NUL bytes)');
  try {
    return ok(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return refuse('Latin-1 or another 8-bit encoding');
  }
}

export function parseYaml(text: string, file: string): Result<LocatedMap, readonly Diagnostic[]> {
  const lines = new LineCounter();
  const place = placer(lines, file, text);
  const depth = deepest(text);
  if (depth > DEEPEST * 4) {
    return err([problem('P005', 'the file is nested too deeply', { location: { file, line: 1, column: 1 }, help: `at most ${DEEPEST} levels` })]);
  }
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, merge: true, strict: true, prettyErrors: false, logLevel: 'silent' });
  const found = Array.isArray(documents) ? documents : [];
  const [first, second] = found;
  if (!first || first.contents === null) {
    return err([problem('P006', 'the file is empty', { location: { file, line: 1, column: 1 }, help: 'a pipeline file has `stages:`; `pipe init` writes one' })]);
  }
  const problems = found.flatMap((document) => parserProblems(document, place));
  if (second) problems.push(problem('P006', 'the file holds more than one YAML document', { location: place(second.range?.[0] ?? 0), help: 'remove the `---` line' }));
  if (problems.length > 0) return err(problems);
  return locate(first, place);
}

type Place = (start: number, end?: number) => Location;

function placer(lines: LineCounter, file: string, text: string): Place {
  return (start, end) => {
    const { line, col } = lines.linePos(Math.min(start, text.length));
    const stop = end === undefined ? undefined : lines.linePos(end);
    const at = { file, line: Math.max(1, line), column: Math.max(1, col) };
    return stop && stop.line === line && stop.col > col ? { ...at, endColumn: stop.col } : at;
  };
}

/** A cheap upper bound of the nesting, before a recursive parser sees the text. */
function deepest(text: string): number {
  let depth = 0;
  let most = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === 0x5b || char === 0x7b) most = Math.max(most, ++depth);
    else if (char === 0x5d || char === 0x7d) depth--;
  }
  return most;
}

function parserProblems(document: Document.Parsed, place: Place): Diagnostic[] {
  const problems = [...document.errors, ...document.warnings].map(({ code, message, pos }) => {
    const location = place(pos[0], pos[1]);
    if (code === 'DUPLICATE_KEY') return problem('P007', 'this key is there twice', { location, help: 'remove one of them' });
    if (code === 'TAG_RESOLVE_FAILED') return problem('P008', 'custom tags are not allowed', { location, help: 'remove the tag; plain YAML says it all' });
    if (code === 'TAB_AS_INDENT') return problem('P001', 'a tab is used to indent', { location, help: 'indent with spaces' });
    return problem('P001', message.split('\n')[0] ?? message, { location });
  });
  visit(document, {
    Node(_, node) {
      const tag = 'tag' in node ? node.tag : undefined;
      if (typeof tag === 'string' && !tag.startsWith('tag:yaml.org,2002:') && document.warnings.length === 0) {
        problems.push(problem('P008', `the tag ${tag} is not allowed`, { location: place(node.range?.[0] ?? 0) }));
      }
    },
  });
  return problems;
}

/** Gives up a conversion with a diagnostic; caught in `locate` alone. */
class Refusal extends Error {
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
  }
}

function locate(document: Document.Parsed, place: Place): Result<LocatedMap, readonly Diagnostic[]> {
  let parts = 0;
  const convert = (node: unknown, level: number, open: readonly unknown[]): Located => {
    const at = rangeOf(node, place);
    if (++parts > MOST_PARTS) throw new Refusal(problem('P005', 'the aliases of this file expand without bound', { location: at }));
    if (level > DEEPEST) throw new Refusal(problem('P005', 'the file is nested too deeply', { location: at, help: `at most ${DEEPEST} levels` }));
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (!target || open.includes(target)) throw new Refusal(problem('P005', `the alias *${node.source} contains itself or does not exist`, { location: at }));
      return convert(target, level + 1, open);
    }
    if (isScalar(node)) return { kind: 'scalar', value: scalarOf(node.value, node.source, at), at };
    if (isSeq(node)) return { kind: 'list', items: node.items.map((item) => convert(item, level + 1, [...open, node])), at };
    if (!isMap(node)) return { kind: 'scalar', value: null, at };
    const members = new Map<string, Member>();
    const merged: LocatedMap[] = [];
    for (const pair of node.items) {
      const key = rangeOf(pair.key, place);
      const name = isScalar(pair.key) ? pair.key.value : pair.key;
      const value = convert(pair.value, level + 1, [...open, node]);
      if (isMergeKey(name)) {
        merged.push(...mergeSources(value, key));
        continue;
      }
      if (typeof name !== 'string') {
        if (typeof name !== 'number' && typeof name !== 'boolean') throw new Refusal(problem('P009', 'a key must be plain text', { location: key }));
      }
      const text = String(name);
      if (FORBIDDEN_KEYS.has(text)) throw new Refusal(problem('P009', `the key ${text} is not allowed`, { location: key, help: 'choose another name' }));
      members.set(text, { key, value });
    }
    for (const source of merged) for (const [name, member] of source.members) if (!members.has(name)) members.set(name, member);
    return { kind: 'map', members, at };
  };
  try {
    const root = convert(document.contents, 0, []);
    if (root.kind !== 'map') return err([problem('P006', 'a pipeline file is a map of keys', { location: root.at, help: 'it starts with `pipeline: NAME` and `stages:`' })]);
    return ok(root);
  } catch (error) {
    if (error instanceof Refusal) return err([error.diagnostic]);
    throw error;
  }
}

/** The parser gives `<<` as a symbol with its `merge` option on. */
function isMergeKey(name: unknown): boolean {
  return name === '<<' || (typeof name === 'symbol' && name.description === '<<');
}

function mergeSources(value: Located, key: Location): LocatedMap[] {
  const sources = value.kind === 'list' ? value.items : [value];
  return sources.map((source) => {
    if (source.kind !== 'map') throw new Refusal(problem('P009', '`<<` takes a map or a list of maps', { location: key }));
    return source;
  });
}

function rangeOf(node: unknown, place: Place): Location {
  const range = isNode(node) ? node.range : undefined;
  return range ? place(range[0], range[1]) : place(0);
}

function isNode(node: unknown): node is Node {
  return typeof node === 'object' && node !== null && 'range' in node;
}

function scalarOf(value: unknown, source: string | undefined, at: Location): Scalar {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') {
    if (typeof value === 'string' && !value.isWellFormed()) throw new Refusal(problem('P010', 'this text holds half of a surrogate pair', { location: at }));
    return value;
  }
  if (typeof value === 'number') {
    const exact = source === undefined || !/^[-+]?\d{16,}$/.test(source) || BigInt(source) === BigInt(value);
    if (!Number.isFinite(value)) throw new Refusal(problem('P010', `${source ?? value} is not a number that can be used here`, { location: at }));
    if (!exact) throw new Refusal(problem('P010', `${source} is too large to be exact`, { location: at, help: 'put it in quotes if it is a name' }));
    if (source !== undefined && /^[-+]?0\d+$/.test(source)) {
      throw new Refusal(problem('P010', `${source} could be read as ${value} or as text`, { location: at, help: 'put it in quotes, or write it without the leading zero' }));
    }
    return value === 0 ? 0 : value;
  }
  throw new Refusal(problem('P010', `a value of this kind (${typeof value}) cannot be used here`, { location: at }));
}

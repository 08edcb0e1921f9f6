/** The winning values written into a copy of the pipeline file, each in its place: comments and layout stay as they are. */
import { isJsonArray, isJsonObject, type Json } from '../base/json.ts';
import type { Setting } from './space.ts';

/** A stretch of the text and what comes in its place. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** @returns the text of the file with the settings in place and without its `sweep:` block. */
export async function bestFile(text: string, settings: readonly Setting[]): Promise<string> {
  const yaml = await import('yaml');
  const flow = (value: Json): string => yaml.stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
  let edited = withoutSweep(text);
  for (const { path, value } of settings) {
    const { start, end, text: put } = edit(edited, keysOf(path), value);
    const tail = edited.slice(start, end).endsWith('\n') ? '\n' : '';
    edited = `${edited.slice(0, start)}${put}${tail}${edited.slice(end)}`;
  }
  return edited;

  function withoutSweep(source: string): string {
    const { contents } = yaml.parseDocument(source);
    if (!yaml.isMap(contents)) return source;
    const pair = contents.items.find(({ key }) => yaml.isScalar(key) && key.value === 'sweep');
    const start = yaml.isNode(pair?.key) ? pair.key.range?.[0] : undefined;
    const end = yaml.isNode(pair?.value) ? pair.value.range?.[2] : undefined;
    return start === undefined || end === undefined ? source : source.slice(0, start) + source.slice(end);
  }

  /** Walks down as far as the file goes; what is missing from there on is written in flow style. */
  function edit(source: string, keys: readonly string[], value: Json): Edit {
    const document = yaml.parseDocument(source, { keepSourceTokens: true });
    let node: unknown = document.contents;
    let at = 0;
    /** Where the innermost key that was passed ends. */
    let keyEnd: number | undefined;
    for (; at < keys.length; at++) {
      const key = keys[at] ?? '';
      const next: unknown = yaml.isCollection(node) ? node.get(yaml.isSeq(node) ? Number(key) : key, true) : undefined;
      if (!yaml.isNode(next)) break;
      const pair = yaml.isMap(node) ? node.items.find((item) => item.value === next) : undefined;
      keyEnd = yaml.isNode(pair?.key) ? pair.key.range?.[1] : undefined;
      node = next;
    }
    if (!yaml.isNode(node) || !node.range) throw new Error(`the file has nothing at ${keys.join('.')}`);
    const [start, end] = node.range;
    const rest = keys.slice(at);
    if (rest.length === 0) {
      // What takes the place of a block moves up, beside its key.
      const gap = keyEnd === undefined ? '' : source.slice(keyEnd, start);
      return /^\s*:[^\S\n]*\n\s*$/.test(gap)
        ? { start: start - gap.length, end, text: `: ${flow(value)}` }
        : { start, end, text: flow(value) };
    }
    if (yaml.isAlias(node)) {
      const shared: unknown = node.resolve(document)?.toJS(document);
      return { start, end, text: flow(withValue(JSON.parse(JSON.stringify(shared ?? {})), rest, value)) };
    }
    const [first = '', ...deeper] = rest;
    if (yaml.isMap(node)) {
      const member = `${flow(first)}: ${flow(nested(deeper, value))}`;
      if (node.flow)
        return { start: start + 1, end: start + 1, text: ` ${member}${node.items.length > 0 ? ',' : ' '}` };
      const indent = start - (source.lastIndexOf('\n', start - 1) + 1);
      return { start, end: start, text: `${member}\n${' '.repeat(indent)}` };
    }
    // A shorthand such as `optimizer: adam` gives way to the map that it stands for; so does nothing at all.
    const word = yaml.isScalar(node) && node.value === first ? deeper : undefined;
    const text = flow(word ? { [first]: nested(word, value) } : nested(rest, value));
    return { start, end, text: start === end ? ` ${text}` : text };
  }
}

function keysOf(path: string): readonly string[] {
  const [first = '', ...rest] = path.split('.');
  if (first === 'seed') return ['seed'];
  return first === 'vars' ? ['vars', ...rest] : ['stages', first, 'with', ...rest];
}

/** The value with one thing in it, at the end of a path, changed. */
function withValue(whole: Json, [key, ...deeper]: readonly string[], value: Json): Json {
  if (key === undefined) return value;
  if (isJsonArray(whole)) return whole.map((item, i) => (String(i) === key ? withValue(item, deeper, value) : item));
  const members = isJsonObject(whole) ? whole : {};
  return { ...members, [key]: withValue(members[key] ?? {}, deeper, value) };
}

function nested(keys: readonly string[], value: Json): Json {
  return keys.reduceRight((inner: Json, key) => ({ [key]: inner }), value);
}

/** The winning values written into a copy of the pipeline file, each in its place: comments and layout stay as they are. */
import type { Json } from '../base/json.ts';
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
    let node: unknown = yaml.parseDocument(source, { keepSourceTokens: true }).contents;
    let at = 0;
    for (; at < keys.length; at++) {
      const key = keys[at] ?? '';
      const next: unknown = yaml.isCollection(node) ? node.get(yaml.isSeq(node) ? Number(key) : key, true) : undefined;
      if (!yaml.isNode(next)) break;
      node = next;
    }
    if (!yaml.isNode(node) || !node.range) throw new Error(`the file has nothing at ${keys.join('.')}`);
    const [start, end] = node.range;
    const rest = keys.slice(at);
    if (rest.length === 0) return { start, end, text: flow(value) };
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

function nested(keys: readonly string[], value: Json): Json {
  return keys.reduceRight((inner: Json, key) => ({ [key]: inner }), value);
}

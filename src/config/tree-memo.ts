/**
 * Remembers the trees of files without problems by the digest of their text: a cached run then needs no YAML parser, which is
 * slow to load and to run for the first time.
 */
import { digestOf } from '../base/digest.ts';
import { isJsonArray, type Json } from '../base/json.ts';
import type { Memo } from '../files/memo.ts';
import type { Located, Member } from './located.ts';
import type { Compose } from './read-file.ts';
import type { SourceText } from './source-text.ts';

/** Raised when the reader would make another tree of some text, or when the form of the memo changes. */
const VERSION = 1;

/** Reads YAML, from the memo where the text is known. */
export function composerWith(memo: Memo | undefined): Compose {
  return async (source) => {
    const key = `yaml-tree ${VERSION} ${digestOf(source.text)}`;
    const node = recall(memo?.get(key), source);
    if (node) return { node, problems: [] };
    const { composeYaml } = await import('./read-yaml.ts');
    const composed = composeYaml(source);
    if (composed.node && composed.problems.length === 0)
      memo?.set(key, Buffer.from(JSON.stringify(packed(composed.node))));
    return composed;
  };
}

function recall(bytes: Uint8Array | undefined, source: SourceText): Located | undefined {
  if (!bytes) return undefined;
  const json: Json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  return unpacked(json, source);
}

/** `[start, end, value]` for a scalar, with `1` and the items for a list, `2` and key, start, end, value, … for a map. */
function packed(node: Located): Json {
  const { start, end } = node.place;
  if (node.type === 'scalar') return [start, end, node.value];
  if (node.type === 'list') return [start, end, 1, node.items.map(packed)];
  const members = Array.from(node.members, ([name, { key, value }]) => [name, key.start, key.end, packed(value)]);
  return [start, end, 2, members.flat()];
}

function unpacked(json: Json | undefined, source: SourceText): Located {
  const [start, end, value, parts] = list(json);
  const place = { source, start: offset(start), end: offset(end) };
  if (parts === undefined) return { type: 'scalar', value: scalar(value), place };
  if (value === 1) return { type: 'list', items: list(parts).map((item) => unpacked(item, source)), place };
  const members = new Map<string, Member>();
  const flat = list(parts);
  for (let i = 0; i < flat.length; i += 4) {
    const key = { source, start: offset(flat[i + 1]), end: offset(flat[i + 2]) };
    members.set(String(flat[i]), { key, value: unpacked(flat[i + 3], source) });
  }
  return { type: 'map', members, place };
}

// The memo's checksum was right: anything else in it is a bug of ours.
function list(json: Json | undefined): readonly Json[] {
  if (json === undefined || !isJsonArray(json)) throw new TypeError('not a remembered tree');
  return json;
}

function offset(json: Json | undefined): number {
  if (typeof json !== 'number') throw new TypeError('not a remembered place');
  return json;
}

function scalar(json: Json | undefined): string | number | boolean | null {
  if (json === undefined || typeof json === 'object') return null;
  return json;
}

/** Reads a pipeline file and what it extends: maps merge deeply, lists and scalars replace, `null` removes. */
import { resolve } from 'node:path';
import { type Diagnostic, type Location, problem } from '../base/diagnostic.ts';
import { isNull, type Located, type LocatedMap, textOf, withMember } from './located.ts';
import { locate, readSource, type SourceText } from './source-text.ts';

/** What is made of a text. */
export interface Composed {
  /** Absent where nothing can be made of it. */
  readonly node?: Located;
  readonly problems: readonly Diagnostic[];
}

/** Reads the text of a source as YAML. */
export type Compose = (source: SourceText) => Promise<Composed>;

export interface PipelineFile {
  /** Absent where a file could not be read or holds no map. */
  readonly tree?: LocatedMap;
  /** Absolute paths, the file itself first. */
  readonly files: readonly string[];
  readonly problems: readonly Diagnostic[];
}

export async function readPipelineFile(path: string, compose: Compose): Promise<PipelineFile> {
  return readOver(resolve(path), compose, [], undefined);
}

/** `above` are the files that are being extended, `named` the place where the last of them names this one. */
async function readOver(
  path: string,
  compose: Compose,
  above: readonly string[],
  named: Location | undefined,
): Promise<PipelineFile> {
  const own = await readOne(path, compose, named);
  const extended = own.tree?.members.get('extends');
  if (!own.tree || !extended) return own;
  const rest = withMember(own.tree, 'extends', undefined);
  const location = locate(extended.value.place);
  const other = textOf(extended.value);
  // Without what it stands on a file makes no sense: nothing more is said about it.
  const failed = (diagnostic: Diagnostic): PipelineFile => ({
    files: own.files,
    problems: [...own.problems, diagnostic],
  });
  if (other === undefined)
    return failed(problem('P014', '`extends` takes the path of another pipeline file', { location }));
  if (other.includes('${'))
    return failed(problem('P018', 'nothing is substituted in `extends`', { location, help: 'write the path itself' }));
  const base = resolve(extended.value.place.source.folder, other);
  const way = [...above, path];
  if (way.includes(base)) {
    const round = [...way.slice(way.indexOf(base)), base].map((file) => file.split(/[\\/]/).at(-1));
    return failed(
      problem('P022', `these files extend each other: ${round.join(' → ')}`, {
        location,
        help: 'remove one `extends`',
      }),
    );
  }
  const below = await readOver(base, compose, way, location);
  return {
    ...(below.tree && { tree: overlay(below.tree, rest) }),
    files: [...own.files, ...below.files],
    problems: [...own.problems, ...below.problems],
  };
}

async function readOne(path: string, compose: Compose, named: Location | undefined): Promise<PipelineFile> {
  const source = readSource(path, named);
  if (!source.ok) return { files: [path], problems: [source.error] };
  const { node, problems } = await compose(source.value);
  if (node?.type === 'map') return { tree: node, files: [path], problems };
  if (problems.length > 0) return { files: [path], problems };
  const start = { source: source.value, start: 0, end: 1 };
  const what =
    node === undefined || isNull(node)
      ? 'the file is empty'
      : `the file is ${node?.type === 'list' ? 'a list' : 'a single value'}, not a map of keys`;
  return {
    files: [path],
    problems: [
      problem('P005', what, {
        location: locate(node && !isNull(node) ? node.place : start),
        help: 'a pipeline file has at least `stages:`; `pipe init` writes one',
      }),
    ],
  };
}

/** One map over another. Each value keeps the place, and so the folder, of the file that wrote it. */
function overlay(below: LocatedMap, above: LocatedMap): LocatedMap {
  const members = new Map(below.members);
  for (const [name, member] of above.members) {
    const under = members.get(name)?.value;
    if (isNull(member.value)) members.delete(name);
    else if (under?.type === 'map' && member.value.type === 'map')
      members.set(name, { ...member, value: overlay(under, member.value) });
    else members.set(name, { ...member, value: withoutNulls(member.value) });
  }
  return { ...above, members };
}

/** A `null` in a new map has nothing to remove, and means the same there: no such key. */
function withoutNulls(node: Located): Located {
  if (node.type !== 'map') return node;
  const kept = [...node.members].filter(([, { value }]) => !isNull(value));
  return {
    ...node,
    members: new Map(kept.map(([name, member]) => [name, { ...member, value: withoutNulls(member.value) }])),
  };
}

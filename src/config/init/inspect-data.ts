/** Finds out which of the data layouts a folder has, from the names of its files and the first lines of its CSVs. */
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';

export interface CsvPart {
  readonly csv: string;
  readonly images: string;
  readonly filenameColumn: string;
  readonly labelColumn: string | undefined;
  readonly delimiter: string;
}

interface IdxPart {
  readonly images: string;
  readonly labels: string | undefined;
}

/** A part of the data by the split that it is meant for. Paths are absolute. */
type Parts<T> = Readonly<Partial<Record<'train' | 'validation' | 'test', T>>>;

export type DataLayout =
  | { readonly layout: 'csv'; readonly parts: Parts<CsvPart> }
  | { readonly layout: 'folder'; readonly parts: Parts<string>; readonly classes: readonly string[] }
  | { readonly layout: 'idx'; readonly parts: Parts<IdxPart> };

const splitNames = {
  train: ['train', 'training'],
  validation: ['validation', 'val', 'valid', 'dev'],
  test: ['test', 'testing', 't10k'],
} as const;
const splits = ['train', 'validation', 'test'] as const;

/** The layout of a folder, or of the folder of a CSV; undefined where it is none of them. */
export function inspectData(path: string): DataLayout | undefined {
  const full = resolve(path);
  if (isFile(full)) return csvLayout(dirname(full), [basename(full)], true);
  if (!existsSync(full)) return undefined;
  const names = readdirSync(full).sort();
  return (
    csvLayout(
      full,
      names.filter((name) => /\.(csv|tsv)$/i.test(name)),
      false,
    ) ??
    idxLayout(full, names) ??
    folderLayout(full)
  );
}

/** A path whose layout is known. */
export interface FoundData {
  readonly path: string;
  readonly layout: DataLayout;
}

/** The data at a path; where it is a folder that has none itself, those of its folders that have, and of its folder `data`. */
export function findData(path: string): readonly FoundData[] {
  const full = resolve(path);
  const own = inspectData(full);
  if (own) return [{ path: full, layout: own }];
  if (!existsSync(full)) return [];
  const folders = foldersIn(full).flatMap((name) =>
    name === 'data'
      ? [join(full, name), ...foldersIn(join(full, name)).map((inner) => join(full, name, inner))]
      : [join(full, name)],
  );
  return folders
    .filter((folder) => basename(folder) !== 'node_modules')
    .flatMap((folder) => {
      const layout = inspectData(folder);
      return layout ? [{ path: folder, layout }] : [];
    });
}

function csvLayout(folder: string, names: readonly string[], only: boolean): DataLayout | undefined {
  const parts = assign(splits, (split) => {
    const named = names.find((name) =>
      splitNames[split].some((word) => word === basename(name, extname(name)).toLowerCase()),
    );
    // A single CSV of another name is the labelled part.
    const single = split === 'train' && names.length === 1 ? names[0] : undefined;
    const name = named ?? single;
    return name === undefined ? undefined : csvPart(folder, name);
  });
  if (!parts.train?.labelColumn) return undefined;
  return { layout: 'csv', parts: only ? { train: parts.train } : parts };
}

const fileWords = ['filename', 'file', 'file_name', 'image', 'img', 'path', 'name', 'id', 'image_id', 'image_name'];
const labelWords = ['label', 'class', 'category', 'target', 'species', 'breed', 'y'];

function csvPart(folder: string, name: string): CsvPart | undefined {
  const csv = join(folder, name);
  const [header = '', first = ''] = head(csv).split(/\r\n|\n|\r/);
  const delimiter = [',', ';', '\t'].find((mark) => header.includes(mark)) ?? ',';
  const columns = header.split(delimiter).map(unquoted);
  const find = (words: readonly string[]) =>
    words.flatMap((word) => columns.filter((column) => column.toLowerCase() === word))[0];
  const filenameColumn = find(fileWords) ?? columns[0];
  const labelColumn =
    find(labelWords) ?? (columns.length === 2 ? columns.find((column) => column !== filenameColumn) : undefined);
  if (filenameColumn === undefined || filenameColumn === '') return undefined;
  const file = unquoted(first.split(delimiter)[columns.indexOf(filenameColumn)] ?? '');
  const stem = basename(name, extname(name));
  const folders = [`images/${stem}`, stem, `${stem}/images`, `${stem}_images`, 'images', 'img', '.'].map((way) =>
    join(folder, way),
  );
  const images = folders.find((candidate) => file !== '' && isFile(join(candidate, file)));
  return images === undefined ? undefined : { csv, images, filenameColumn, labelColumn, delimiter };
}

/** The first bytes of a file: enough for a header and a row. */
function head(path: string): string {
  const buffer = Buffer.alloc(65_536);
  const file = openSync(path, 'r');
  try {
    return buffer.toString('utf8', 0, readSync(file, buffer)).replace(/^\ufeff/, '');
  } finally {
    closeSync(file);
  }
}

function unquoted(cell: string): string {
  return cell.trim().replace(/^"(.*)"$/, '$1');
}

function idxLayout(folder: string, names: readonly string[]): DataLayout | undefined {
  const parts = assign(splits, (split): IdxPart | undefined => {
    const find = (what: string) =>
      names.find((name) =>
        splitNames[split].some((word) => new RegExp(`^${word}.*${what}.*idx\\d.*$`, 'i').test(name)),
      );
    const [images, labels] = [find('images'), find('labels')];
    return images === undefined ? undefined : { images: join(folder, images), labels: labels && join(folder, labels) };
  });
  return parts.train?.labels === undefined ? undefined : { layout: 'idx', parts };
}

function folderLayout(folder: string): DataLayout | undefined {
  const parts = assign(splits, (split) => {
    const names: readonly string[] = splitNames[split];
    return foldersIn(folder).find((name) => names.includes(name.toLowerCase()));
  });
  const train = parts.train === undefined ? folder : join(folder, parts.train);
  const classes = foldersIn(train).filter((name) => hasImages(join(train, name)));
  if (classes.length < 2) return undefined;
  const full = assign(splits, (split) => {
    const part = parts[split];
    return part === undefined ? undefined : join(folder, part);
  });
  return { layout: 'folder', parts: { ...full, train }, classes };
}

/** A record of what is there of each split. */
function assign<T>(keys: typeof splits, find: (split: (typeof splits)[number]) => T | undefined): Parts<T> {
  const parts: Partial<Record<(typeof splits)[number], T>> = {};
  for (const key of keys) {
    const found = find(key);
    if (found !== undefined) parts[key] = found;
  }
  return parts;
}

function foldersIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}

function hasImages(folder: string): boolean {
  return readdirSync(folder).some((name) => /\.(png|jpe?g|webp|gif)$/i.test(name));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

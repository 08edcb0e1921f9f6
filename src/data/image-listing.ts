/**
 * A list of image files becomes a row table, and is remembered: as long as every file keeps its size, times and inode, the next
 * plan costs a `stat` a file and reads nothing.
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { type Diagnostic, type Location, problem, warning } from '../base/diagnostic.ts';
import { type Digest, parseDigest } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import { isRacy, STAMP_LENGTH, sameStamp } from '../files/file-stat.ts';
import type { Memo } from '../files/memo.ts';
import { endingsOf, formatOf, type ImageFormat } from '../images/format.ts';
import { lookalikes, sortClasses } from './classes.ts';
import { FirstProblems } from './first-problems.ts';
import { type Row, RowTable, type Split, UNLABELLED } from './row-table.ts';

export interface ListedImage {
  readonly split: Split;
  readonly name: string;
  readonly path: string;
  readonly label: string | undefined;
  /** Where it is named, for messages. */
  readonly at?: Location | undefined;
}

export interface Listing {
  readonly images: readonly ListedImage[];
  /** Files and folders whose change makes a new listing necessary. */
  readonly sources: readonly string[];
  readonly warnings: readonly Diagnostic[];
}

export interface ListedRows {
  readonly identity: Digest;
  readonly warnings: readonly Diagnostic[];
  rows(): RowTable;
}

interface Header {
  readonly identity: Digest;
  readonly warnings: readonly Diagnostic[];
  /** Sources first, then images. */
  readonly paths: readonly string[];
  readonly table: number;
}

/**
 * The rows of a listing, from the memo under `key` where nothing changed.
 * @param list makes the listing; called only when something changed
 */
export async function rememberedRows(
  memo: Memo,
  key: string,
  list: () => Promise<Result<Listing, readonly Diagnostic[]>>,
): Promise<Result<ListedRows, readonly Diagnostic[]>> {
  const known = recall(memo, key);
  if (known?.unchanged())
    return ok({ identity: known.header.identity, warnings: known.header.warnings, rows: known.table });
  const startedAt = Date.now();
  const listing = await list();
  if (!listing.ok) return listing;
  const { images, sources } = listing.value;
  const paths = [...sources, ...images.map(({ path }) => path)];
  const stamps = stampsOf(paths);
  const keys = await digestFiles(images, stamps, sources.length, known);
  if (!keys.ok) return keys;
  const made = tableOf(images, keys.value.keys);
  if (!made.ok) return made;
  const { table } = made.value;
  const warnings = [...listing.value.warnings, ...keys.value.warnings, ...made.value.warnings];
  const identity = table.canonicalDigest();
  const racy = paths.some((_, i) => isRacy(stamps, i * STAMP_LENGTH, startedAt));
  remember(memo, key, { identity, warnings, paths, table: 0 }, racy ? racyOut(stamps, startedAt) : stamps, table);
  return ok({ identity, warnings, rows: () => table });
}

/** Stamps that a file could keep although its bytes change are not remembered: they compare unequal next time. */
function racyOut(stamps: Float64Array, startedAt: number): Float64Array {
  const out = stamps.slice();
  for (let at = 0; at < out.length; at += STAMP_LENGTH) if (isRacy(stamps, at, startedAt)) out[at] = Number.NaN;
  return out;
}

/** Stamps of files and folders; zeros where there is nothing. */
function stampsOf(paths: readonly string[]): Float64Array {
  const stamps = new Float64Array(paths.length * STAMP_LENGTH);
  paths.forEach((path, i) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat) stamps.set([stat.size, stat.mtimeMs, stat.ctimeMs, stat.ino], i * STAMP_LENGTH);
  });
  return stamps;
}

/** SHA-256 of every image, 32 bytes each, and what is odd about them; those whose stamp is the remembered one are not read. */
async function digestFiles(
  images: readonly ListedImage[],
  stamps: Float64Array,
  offset: number,
  known: Recalled | undefined,
): Promise<Result<{ readonly keys: Uint8Array; readonly warnings: readonly Diagnostic[] }, readonly Diagnostic[]>> {
  const keys = new Uint8Array(images.length * 32);
  const before = known?.keysByPath();
  const problems = new FirstProblems();
  const misnamed = new Map<number, ImageFormat>();
  const todo: number[] = [];
  images.forEach(({ path }, i) => {
    const old = before?.get(path);
    if (old && sameStamp(old.stamps, old.at, stamps, (offset + i) * STAMP_LENGTH)) keys.set(old.key, i * 32);
    else todo.push(i);
  });
  let next = 0;
  const work = async () => {
    for (let at = next++; at < todo.length; at = next++) {
      const i = todo[at] ?? 0;
      const image = images[i];
      if (!image) continue;
      try {
        const bytes = await readFile(image.path);
        keys.set(createHash('sha256').update(bytes).digest(), i * 32);
        const format = formatOf(bytes);
        if (format && !endingsOf[format].includes(extname(image.name).toLowerCase())) misnamed.set(i, format);
      } catch (error) {
        const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
        problems.add(problem('D003', `cannot read the image ${image.name}: ${reason}`, { location: image.at }));
      }
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
  return problems.count > 0 ? err(problems.list()) : ok({ keys, warnings: misnaming(images, misnamed) });
}

function misnaming(images: readonly ListedImage[], misnamed: ReadonlyMap<number, ImageFormat>): readonly Diagnostic[] {
  const [first] = [...misnamed].sort(([a], [b]) => a - b);
  if (!first) return [];
  const { name, at } = images[first[0]] ?? { name: '', at: undefined };
  const others = misnamed.size > 1 ? `, as are ${misnamed.size - 1} more` : '';
  return [
    warning('D018', `${name} is a ${first[1].toUpperCase()} by its content${others}`, {
      location: at,
      help: 'it is read as what it is; another name would say so',
    }),
  ];
}

/** Builds the table; the same image under two labels is an error, twice under one a warning. */
function tableOf(
  images: readonly ListedImage[],
  keys: Uint8Array,
): Result<{ readonly table: RowTable; readonly warnings: readonly Diagnostic[] }, readonly Diagnostic[]> {
  const classes = sortClasses(images.flatMap(({ label }) => (label === undefined ? [] : [label])));
  const index = new Map(classes.map((name, i) => [name, i]));
  const rows = images.map(
    (image, i): Row => ({
      split: image.split,
      part: image.split,
      name: image.name,
      label: image.label === undefined ? UNLABELLED : (index.get(image.label) ?? UNLABELLED),
      key: keys.subarray(i * 32, (i + 1) * 32),
    }),
  );
  const first = new Map<string, ListedImage>();
  const conflicts = new FirstProblems();
  let copies = 0;
  images.forEach((image, i) => {
    const key = Buffer.from(keys.subarray(i * 32, (i + 1) * 32)).toString('latin1');
    const other = first.get(key);
    if (!other) first.set(key, image);
    else if (other.label !== undefined && image.label !== undefined && other.label !== image.label) {
      conflicts.add(
        problem(
          'D010',
          `${image.name} is the same image as ${other.name}, but labelled "${image.label}" and "${other.label}"`,
          { location: image.at, help: 'correct one of the labels or remove one of the files' },
        ),
      );
    } else copies++;
  });
  if (conflicts.count > 0) return err(conflicts.list());
  const warnings: Diagnostic[] = [];
  if (copies > 0)
    warnings.push(
      warning('D011', `${copies} image${copies === 1 ? ' is a copy' : 's are copies'} of another one`, {
        help: 'a split keeps copies on one side',
      }),
    );
  for (const group of lookalikes(classes)) {
    warnings.push(
      warning(
        'D012',
        `the labels ${group.map((name) => JSON.stringify(name)).join(' and ')} differ only in case, spaces or Unicode form`,
        { help: 'write them alike if they are one class' },
      ),
    );
  }
  return ok({ table: RowTable.from(classes, rows), warnings });
}

interface Recalled {
  readonly header: Header;
  unchanged(): boolean;
  table(): RowTable;
  keysByPath(): ReadonlyMap<string, { readonly stamps: Float64Array; readonly at: number; readonly key: Uint8Array }>;
}

/** Layout of a memo: length of the header, the header as JSON, stamps, the encoded table. */
function remember(memo: Memo, key: string, header: Header, stamps: Float64Array, table: RowTable): void {
  const json = new TextEncoder().encode(JSON.stringify({ ...header, table: stamps.byteLength }));
  const length = new Uint8Array(Uint32Array.of(json.length).buffer);
  memo.set(key, Buffer.concat([length, json, new Uint8Array(stamps.buffer), table.encode()]));
}

function recall(memo: Memo, key: string): Recalled | undefined {
  const bytes = memo.get(key);
  if (!bytes || bytes.length < 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = 4 + view.getUint32(0, true);
  const stated: Header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, end)));
  const header: Header = { ...stated, identity: parseDigest(stated.identity) };
  const stamps = new Float64Array(new Uint8Array(bytes.subarray(end, end + header.table)).buffer);
  const table = () => RowTable.decode(bytes.subarray(end + header.table));
  return {
    header,
    table,
    unchanged() {
      const now = new Float64Array(STAMP_LENGTH);
      return header.paths.every((path, i) => {
        const stat = statSync(path, { throwIfNoEntry: false });
        if (!stat) return false;
        now[0] = stat.size;
        now[1] = stat.mtimeMs;
        now[2] = stat.ctimeMs;
        now[3] = stat.ino;
        return sameStamp(stamps, i * STAMP_LENGTH, now, 0);
      });
    },
    keysByPath() {
      const rows = table();
      const offset = header.paths.length - rows.count;
      return new Map(
        header.paths
          .slice(offset)
          .map((path, i) => [path, { stamps, at: (offset + i) * STAMP_LENGTH, key: rows.key(i) }]),
      );
    },
  };
}

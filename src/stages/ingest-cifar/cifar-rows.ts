import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import {
  CIFAR_CHANNELS,
  CIFAR_SIDE,
  type CifarFile,
  type CifarFormat,
  classCount,
  openCifar,
  recordAt,
  recordsOf,
} from '../../data/cifar.ts';
import { sortClasses } from '../../data/classes.ts';
import type { ImageSource } from '../../data/image-source.ts';
import { pixelsDigest } from '../../data/raw-file.ts';
import { type Row, RowTable } from '../../data/row-table.ts';
import { fileOf, type LocatedCifar, type LocatedFile } from './locate.ts';

export interface CifarData extends LocatedCifar {
  readonly format: CifarFormat;
  /** Folder of unpacked files. */
  readonly unpacked: string;
}

/** Digits of a row's name behind its file: the place there, so that names sort as the file does. */
const NAME_DIGITS = 7;

/** A row a record, in the order of the files. */
export async function cifarRows({ parts, names, format, unpacked }: CifarData): Promise<Result<RowTable, Diagnostic>> {
  const named = names ? readNames(names.path) : ok(undefined);
  if (!named.ok) return named;
  const rows: Row[] = [];
  for (const [split, files] of parts) {
    for (const located of files) {
      const file = await openCifar(located, format, unpacked);
      if (!file.ok) return file;
      let place = 0;
      for (const { label, pixels } of recordsOf(file.value)) {
        if (label >= (named.value?.length ?? classCount(format)))
          return err(unknownLabel(file.value, place, label, names));
        const name = `${located.name}/${String(place++).padStart(NAME_DIGITS, '0')}`;
        rows.push({ split, part: split, name, label, key: Buffer.from(keyOf(pixels), 'hex') });
      }
    }
  }
  return ok(named.value ? RowTable.from(named.value, rows) : numbered(rows));
}

/** Classes called by the labels that occur. */
function numbered(rows: readonly Row[]): RowTable {
  const classes = sortClasses(rows.map(({ label }) => String(label)));
  const index = new Map(classes.map((name, i) => [Number(name), i]));
  return RowTable.from(
    classes,
    rows.map((row) => ({ ...row, label: index.get(row.label) ?? row.label })),
  );
}

function unknownLabel(
  { path, format }: CifarFile,
  place: number,
  label: number,
  names: LocatedFile | undefined,
): Diagnostic {
  const where = `${path}[${place}] has the label ${label}`;
  if (names && label < classCount(format))
    return problem('D042', `${where}, but ${names.path} names only the labels before it`, {
      help: 'give a file with a name a line for every label, label 0 first',
    });
  return problem('D041', `${where}; the labels of ${format} are 0 to ${classCount(format) - 1}`, {
    help: 'the file is damaged or of another format: see `format`',
  });
}

/** Names a line; empty lines at the end do not count. */
function readNames(path: string): Result<readonly string[], Diagnostic> {
  const names = readFileSync(path, 'utf8')
    .replace(/^\ufeff/, '')
    .trimEnd()
    .split(/\r\n|\n|\r/)
    .map((name) => name.trim());
  const empty = names.indexOf('');
  if (empty >= 0) return err(problem('D042', `${path}:${empty + 1}: label ${empty} has no name`));
  const again = names.findIndex((name, i) => names.indexOf(name) < i);
  if (again >= 0)
    return err(
      problem('D042', `${path}:${again + 1}: the name ${JSON.stringify(names[again])} is there twice`, {
        help: 'every label has a name of its own',
      }),
    );
  return ok(names);
}

function keyOf(pixels: Uint8Array) {
  return pixelsDigest(CIFAR_SIDE, CIFAR_SIDE, CIFAR_CHANNELS, pixels);
}

/** Reads single images by offset; each file is opened once. */
export function cifarReader({ parts, format, unpacked }: CifarData): ImageSource['read'] {
  const opened = new Map<LocatedFile, Promise<Result<CifarFile, Diagnostic>>>();
  return async (part, name, expected) => {
    const located = fileOf(parts, part, posix.dirname(name));
    if (!located) throw new Error(`a row of a file that is not there: ${part} ${name}`);
    const opening = opened.get(located) ?? openCifar(located, format, unpacked);
    opened.set(located, opening);
    const file = await opening;
    if (!file.ok) return file;
    const place = Number(posix.basename(name));
    const path = `${located.path}[${place}]`;
    const pixels = recordAt(file.value, place)?.pixels;
    if (!pixels || keyOf(pixels) !== expected)
      return err(problem('I004', `${path} changed during the run`, { help: 'run again' }));
    return ok({ kind: 'raw', pixels, height: CIFAR_SIDE, width: CIFAR_SIDE, channels: CIFAR_CHANNELS, path });
  };
}

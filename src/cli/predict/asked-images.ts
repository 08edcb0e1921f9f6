/** The images that are asked about: files, folders, CSV files, or a list on stdin. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { fileImages } from '../../data/file-images.ts';
import type { ImageSource } from '../../data/image-source.ts';
import { readCsv } from '../../data/read-csv.ts';
import { type Row, RowTable, UNLABELLED } from '../../data/row-table.ts';
import { errnoOf } from '../../files/write-error.ts';
import { ENDINGS } from '../../stages/ingest-folder/defaults.ts';

export interface AskedPaths {
  /** `-` is the list that `list` gives, one path a line. */
  readonly paths: readonly string[];
  readonly list: () => Promise<string>;
  /** Folder of the files that a CSV names; the CSV's own by default. */
  readonly images?: string | undefined;
  readonly workingFolder: string;
}

export interface AskedImages {
  /** One row a file that could be read, named as it was asked for. */
  readonly table: RowTable;
  readonly source: ImageSource;
  /** What could not be read, or is no image. */
  readonly problems: readonly { readonly name: string; readonly diagnostic: Diagnostic }[];
}

interface Named {
  readonly name: string;
  readonly path: string;
}

/** Finds and digests the files, in the order asked for; a folder's in the order of their names. */
export async function askedImages(asked: AskedPaths, classes: readonly string[]): Promise<AskedImages> {
  const problems: { name: string; diagnostic: Diagnostic }[] = [];
  const refuse = (name: string, diagnostic: Diagnostic) => problems.push({ name, diagnostic });
  const files: Named[] = [];
  for (const given of asked.paths) {
    const names = given === '-' ? (await asked.list()).split(/\r?\n/).filter((line) => line !== '') : [given];
    for (const name of names) files.push(...(await filesBehind(name, asked, refuse)));
  }
  const digests = await digestsOf(files, refuse);
  const found = files.flatMap(({ name, path }, i) => {
    const key = digests[i];
    const row: Row = { split: 'test', part: 'test', label: UNLABELLED, key: key ?? new Uint8Array(), name };
    return key ? [{ row, path }] : [];
  });
  // By digest, since two CSV files may name different files alike.
  const paths = new Map(found.map(({ row, path }) => [Buffer.from(row.key).toString('hex'), path]));
  return {
    table: RowTable.from(
      classes,
      found.map(({ row }) => row),
    ),
    source: fileImages((_, name, digest) => paths.get(digest) ?? name),
    problems,
  };
}

type Refuse = (name: string, diagnostic: Diagnostic) => void;

async function filesBehind(given: string, { images, workingFolder }: AskedPaths, refuse: Refuse): Promise<Named[]> {
  const path = resolve(workingFolder, given);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) {
    refuse(given, problem('D001', `no such file: ${given}`));
    return [];
  }
  if (stat.isDirectory()) return imagesBelow(given, path, refuse);
  if (extname(path).toLowerCase() !== '.csv') return [{ name: given, path }];
  const columns = { filenameColumn: null, labelColumn: null, delimiter: ',', withoutLabels: true };
  const rows = await readCsv(path, columns, undefined);
  if (!rows.ok) {
    for (const diagnostic of rows.error) refuse(given, diagnostic);
    return [];
  }
  const folder = images === undefined ? dirname(path) : resolve(workingFolder, images);
  return rows.value.map(({ filename }) => ({ name: filename, path: join(folder, filename) }));
}

async function imagesBelow(given: string, path: string, refuse: Refuse): Promise<Named[]> {
  const { glob } = await import('tinyglobby');
  const names = (await glob('**/*', { cwd: path, followSymbolicLinks: false, dot: false }))
    .filter((name) => ENDINGS.some((ending) => ending === extname(name).toLowerCase()))
    .sort();
  if (names.length === 0)
    refuse(
      given,
      problem('D015', `there are no images in ${given}`, { help: `their names end in ${ENDINGS.join(', ')}` }),
    );
  return names.map((name) => ({ name: join(given, name), path: join(path, name) }));
}

/** SHA-256 of each file; undefined where it cannot be read. */
async function digestsOf(files: readonly Named[], refuse: Refuse): Promise<readonly (Uint8Array | undefined)[]> {
  const digests: (Uint8Array | undefined)[] = new Array(files.length).fill(undefined);
  const failures: { readonly at: number; readonly reason: string }[] = [];
  let next = 0;
  const work = async () => {
    for (let at = next++; at < files.length; at = next++) {
      try {
        digests[at] = createHash('sha256')
          .update(await readFile(files[at]?.path ?? ''))
          .digest();
      } catch (error) {
        failures.push({ at, reason: errnoOf(error) ?? String(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  for (const { at, reason } of failures.sort((a, b) => a.at - b.at)) {
    const name = files[at]?.name ?? '';
    refuse(name, problem('D003', `cannot read the image ${name}: ${reason}`));
  }
  return digests;
}

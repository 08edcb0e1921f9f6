import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { sortClasses } from '../../data/classes.ts';
import { type IdxFile, itemAt, itemsOf, openIdx } from '../../data/idx.ts';
import type { ImageSource } from '../../data/image-source.ts';
import { pixelsDigest } from '../../data/raw-file.ts';
import { type Row, RowTable, type Split, UNLABELLED } from '../../data/row-table.ts';
import type { IdxPart, LocatedFile } from './files.ts';

export interface IdxData {
  readonly parts: ReadonlyMap<Split, IdxPart>;
  /** Names of the labels; null to call them by their numbers. */
  readonly classes: readonly string[] | null;
  /** Folder of unpacked files. */
  readonly unpacked: string;
}

/** Digits of a row's name: the place in its file, so that names sort as the file does. */
const NAME_DIGITS = 7;

/** A row an image, in the order of the files. */
export async function idxRows({ parts, classes, unpacked }: IdxData): Promise<Result<RowTable, Diagnostic>> {
  const rows: Row[] = [];
  for (const [split, part] of parts) {
    const images = await openImages(part.images, unpacked);
    if (!images.ok) return images;
    const labels = part.labels ? await readLabels(part.labels, images.value, unpacked) : ok(undefined);
    if (!labels.ok) return labels;
    let place = 0;
    for (const pixels of itemsOf(images.value)) {
      const label = labels.value?.[place] ?? UNLABELLED;
      if (classes && label >= classes.length)
        return err(
          problem(
            'D042',
            `${part.labels?.path}[${place}] is the label ${label}, but \`classes\` names 0 to ${classes.length - 1}`,
            {
              help: 'name every label in `classes`, label 0 first',
            },
          ),
        );
      const name = String(place++).padStart(NAME_DIGITS, '0');
      rows.push({ split, part: split, name, label, key: Buffer.from(keyOf(images.value, pixels), 'hex') });
    }
  }
  return ok(classes ? RowTable.from(classes, rows) : numbered(rows));
}

/** Classes called by the labels that occur. */
function numbered(rows: readonly Row[]): RowTable {
  const classes = sortClasses(rows.flatMap(({ label }) => (label === UNLABELLED ? [] : [String(label)])));
  const index = new Map(classes.map((name, i) => [Number(name), i]));
  return RowTable.from(
    classes,
    rows.map((row) => ({ ...row, label: index.get(row.label) ?? UNLABELLED })),
  );
}

async function openImages({ path, digest }: LocatedFile, unpacked: string): Promise<Result<IdxFile, Diagnostic>> {
  const file = await openIdx(path, digest, unpacked);
  if (!file.ok) return file;
  const { shape } = file.value;
  const [, , , channels = 1] = shape;
  if (shape.length !== 3 && shape.length !== 4)
    return err(
      problem('D040', `${path} has ${shape.length} extents; images have three (or four with channels)`, {
        help: shape.length === 1 ? 'is it a file of labels?' : undefined,
      }),
    );
  if (channels !== 1 && channels !== 3)
    return err(problem('D040', `${path} holds images of ${channels} channels; 1 or 3 are read`));
  if (shape.includes(0)) return err(problem('D040', `${path} says ${shape.join(' × ')}: there are no images in it`));
  return file;
}

async function readLabels(
  { path, digest }: LocatedFile,
  images: IdxFile,
  unpacked: string,
): Promise<Result<Uint8Array, Diagnostic>> {
  const file = await openIdx(path, digest, unpacked);
  if (!file.ok) return file;
  const { shape } = file.value;
  if (shape.length !== 1)
    return err(
      problem('D040', `${path} has ${shape.length} extents; labels have one`, { help: 'is it a file of images?' }),
    );
  if (shape[0] !== images.shape[0])
    return err(
      problem('D040', `${path} has ${shape[0]} labels for ${images.shape[0]} images`, {
        help: 'do the two files belong together?',
      }),
    );
  return ok(Buffer.concat([...itemsOf(file.value)]));
}

function extentsOf({ shape }: IdxFile): readonly [height: number, width: number, channels: number] {
  return [shape[1] ?? 1, shape[2] ?? 1, shape[3] ?? 1];
}

function keyOf(file: IdxFile, pixels: Uint8Array) {
  return pixelsDigest(...extentsOf(file), pixels);
}

/** Reads single images by offset; each file is opened once. */
export function idxReader({ parts, unpacked }: IdxData): ImageSource['read'] {
  const opened = new Map<Split, Promise<Result<IdxFile, Diagnostic>>>();
  return async (part, name, expected) => {
    const located = parts.get(part);
    if (!located) throw new Error(`a row of a part that is not there: ${part} ${name}`);
    const opening = opened.get(part) ?? openImages(located.images, unpacked);
    opened.set(part, opening);
    const file = await opening;
    if (!file.ok) return file;
    const place = Number(name);
    const path = `${located.images.path}[${place}]`;
    const pixels = itemAt(file.value, place);
    if (!pixels || keyOf(file.value, pixels) !== expected)
      return err(problem('I004', `${path} changed during the run`, { help: 'run again' }));
    const [height, width, channels] = extentsOf(file.value);
    return ok({ kind: 'raw', pixels, height, width, channels, path });
  };
}

import { type Diagnostic, problem } from '../../base/diagnostic.ts';
import type { Digest } from '../../base/digest.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { sortClasses } from '../../data/classes.ts';
import { type IdxFile, openIdx } from '../../data/idx.ts';
import { pixelsDigest, readAt } from '../../data/raw-file.ts';
import { type Row, RowTable, type Split, UNLABELLED } from '../../data/row-table.ts';
import type { StoredImage } from '../../images/stored-image.ts';

export interface IdxPart {
  readonly images: { readonly path: string; readonly digest: Digest };
  readonly labels: { readonly path: string; readonly digest: Digest } | undefined;
}

/** Digits of a row's name: the place in its file, so that names sort as the file does. */
const NAME_DIGITS = 7;

export async function idxRows(
  parts: readonly (readonly [Split, IdxPart])[],
  classes: readonly string[] | null,
  unpacked: string,
): Promise<Result<RowTable, readonly Diagnostic[]>> {
  const rows: Omit<Row, 'label'>[] = [];
  const labels: (string | undefined)[] = [];
  for (const [split, part] of parts) {
    const images = await openIdx(part.images.path, part.images.digest, unpacked);
    if (!images.ok) return err([images.error]);
    const { shape } = images.value;
    if (shape.length !== 3 && shape.length !== 4)
      return err([
        problem('D040', `${part.images.path} has ${shape.length} extents; images have three (or four with channels)`),
      ]);
    const [count = 0] = shape;
    const given = part.labels && (await readLabels(part.labels, count, unpacked));
    if (given && !given.ok) return given;
    for (let i = 0; i < count; i++) {
      rows.push({
        split,
        part: split,
        name: String(i).padStart(NAME_DIGITS, '0'),
        key: Buffer.from(keyOf(images.value, i), 'hex'),
      });
      const label = given?.value[i];
      labels.push(label === undefined ? undefined : (classes?.[label] ?? String(label)));
    }
  }
  const found = classes ?? sortClasses(labels.flatMap((label) => label ?? []));
  const index = new Map(found.map((name, i) => [name, i]));
  return ok(
    RowTable.from(
      found,
      rows.map((row, i) => ({
        ...row,
        label: labels[i] === undefined ? UNLABELLED : (index.get(labels[i] ?? '') ?? UNLABELLED),
      })),
    ),
  );
}

async function readLabels(
  { path, digest }: { readonly path: string; readonly digest: Digest },
  count: number,
  unpacked: string,
): Promise<Result<Uint8Array, readonly Diagnostic[]>> {
  const file = await openIdx(path, digest, unpacked);
  if (!file.ok) return err([file.error]);
  const [found = 0] = file.value.shape;
  if (file.value.shape.length !== 1 || found !== count)
    return err([
      problem('D040', `${path} has ${found} labels for ${count} images`, { help: 'do the two files belong together?' }),
    ]);
  return ok(readAt(file.value.path, file.value.offset, count));
}

function extentsOf({ shape }: IdxFile): readonly [height: number, width: number, channels: number] {
  return [shape[1] ?? 1, shape[2] ?? 1, shape[3] ?? 1];
}

function pixelsOf(file: IdxFile, index: number): Buffer {
  const [height, width, channels] = extentsOf(file);
  const size = height * width * channels;
  return readAt(file.path, file.offset + index * size, size);
}

function keyOf(file: IdxFile, index: number): Digest {
  return pixelsDigest(...extentsOf(file), pixelsOf(file, index));
}

export async function readIdxImage(
  part: IdxPart | undefined,
  name: string,
  expected: Digest,
  unpacked: string,
): Promise<Result<StoredImage, Diagnostic>> {
  if (!part) throw new Error('a row of a part that is not there');
  const file = await openIdx(part.images.path, part.images.digest, unpacked);
  if (!file.ok) return file;
  const [height, width, channels] = extentsOf(file.value);
  const pixels = pixelsOf(file.value, Number(name));
  const path = `${part.images.path}[${Number(name)}]`;
  if (pixelsDigest(height, width, channels, pixels) !== expected)
    return err(problem('I004', `${path} changed during the run`, { help: 'run again' }));
  return ok({ kind: 'raw', pixels, height, width, channels, path });
}

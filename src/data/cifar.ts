/**
 * The binary files of CIFAR-10 and CIFAR-100 (Krizhevsky, "Learning multiple layers of features from tiny images", 2009): records of one
 * label byte (CIFAR-100: the coarse label, then the fine one) and 32×32 pixels, all red values first, then green, then blue.
 */
import { statSync } from 'node:fs';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import type { Digest } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import { plainFile, readAt } from './raw-file.ts';

export const CIFAR_SIDE = 32;
export const CIFAR_CHANNELS = 3;
const PLACES = CIFAR_SIDE * CIFAR_SIDE;
const PIXEL_BYTES = PLACES * CIFAR_CHANNELS;

export const cifarFormats = ['cifar-10', 'cifar-100', 'cifar-100-coarse'] as const;
export type CifarFormat = (typeof cifarFormats)[number];

/** Label bytes before the pixels, which of them counts, and how many labels there are. */
const LABELS: Readonly<Record<CifarFormat, { readonly bytes: number; readonly at: number; readonly classes: number }>> =
  {
    'cifar-10': { bytes: 1, at: 0, classes: 10 },
    'cifar-100': { bytes: 2, at: 1, classes: 100 },
    'cifar-100-coarse': { bytes: 2, at: 0, classes: 20 },
  };

/** How many labels a format has. */
export function classCount(format: CifarFormat): number {
  return LABELS[format].classes;
}

export interface CifarFile {
  /** As given, for messages. */
  readonly path: string;
  /** Where the plain bytes lie. */
  readonly plain: string;
  readonly format: CifarFormat;
  readonly count: number;
}

/** Opens a file whose size says how many records it has. A gzipped one is unpacked to `unpacked/`. */
export async function openCifar(
  { path, digest }: { readonly path: string; readonly digest: Digest },
  format: CifarFormat,
  unpacked: string,
): Promise<Result<CifarFile, Diagnostic>> {
  const plain = await plainFile(path, digest, unpacked, 'D041');
  if (!plain.ok) return plain;
  const { size } = statSync(plain.value);
  const record = recordBytes(format);
  if (size > 0 && size % record === 0) return ok({ path, plain: plain.value, format, count: size / record });
  const other = LABELS[format].bytes === 1 ? 'cifar-100' : 'cifar-10';
  const says =
    size === 0
      ? 'is empty'
      : `has ${size} bytes, which is no whole number of ${format} records of ${record} bytes: ${size % record} are left over`;
  return err(
    problem('D041', `${path} ${says}`, {
      help:
        size > 0 && size % recordBytes(other) === 0
          ? `it has the size of a ${other} file: format: ${other}`
          : 'it is cut short, damaged, or another file; the “binary version” of the data set is read',
    }),
  );
}

function recordBytes(format: CifarFormat): number {
  return LABELS[format].bytes + PIXEL_BYTES;
}

export interface CifarRecord {
  readonly label: number;
  /** [32, 32, 3], channels last. */
  readonly pixels: Uint8Array;
}

/** Records read at once: 1.5 MB. */
const CHUNK = 512;

/** All records in order. Fewer come where the file has become shorter since it was opened. */
export function* recordsOf(file: CifarFile): Generator<CifarRecord> {
  const size = recordBytes(file.format);
  for (let first = 0; first < file.count; first += CHUNK) {
    const bytes = readAt(file.plain, first * size, Math.min(CHUNK, file.count - first) * size);
    for (let at = 0; at + size <= bytes.length; at += size) yield recordIn(bytes.subarray(at, at + size), file.format);
  }
}

/** One record, or undefined where there is none. */
export function recordAt(file: CifarFile, index: number): CifarRecord | undefined {
  const size = recordBytes(file.format);
  const bytes = readAt(file.plain, index * size, size);
  return bytes.length === size ? recordIn(bytes, file.format) : undefined;
}

function recordIn(bytes: Uint8Array, format: CifarFormat): CifarRecord {
  const { bytes: labels, at } = LABELS[format];
  const pixels = new Uint8Array(PIXEL_BYTES);
  for (let channel = 0; channel < CIFAR_CHANNELS; channel++) {
    const plane = labels + channel * PLACES;
    for (let place = 0; place < PLACES; place++) pixels[place * CIFAR_CHANNELS + channel] = bytes[plane + place] ?? 0;
  }
  return { label: bytes[at] ?? 0, pixels };
}

/** IDX files (LeCun's format of MNIST): magic 0x00 0x00 type rank, big-endian extents, then the numbers. Plain or gzipped. */
import { statSync } from 'node:fs';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import type { Digest } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import { plainFile, readAt } from './raw-file.ts';

const UNSIGNED_BYTE = 8;

export interface IdxFile {
  /** As given, for messages. */
  readonly path: string;
  /** Where the plain bytes lie. */
  readonly plain: string;
  /** Extents; the first is the number of items. */
  readonly shape: readonly number[];
  /** Where the numbers start. */
  readonly offset: number;
}

/** Opens a file of bytes. A gzipped one is unpacked to `unpacked/`. */
export async function openIdx(path: string, digest: Digest, unpacked: string): Promise<Result<IdxFile, Diagnostic>> {
  const plain = await plainFile(path, digest, unpacked, 'D040');
  if (!plain.ok) return plain;
  const size = statSync(plain.value).size;
  const header = readAt(plain.value, 0, Math.min(size, 4 + 4 * 8));
  const rank = header[3] ?? 0;
  if (header[0] !== 0 || header[1] !== 0 || rank === 0 || rank > 4)
    return err(
      problem('D040', `${path} is no IDX file`, { help: 'expected a file such as train-images-idx3-ubyte.gz' }),
    );
  if (header[2] !== UNSIGNED_BYTE)
    return err(
      problem('D040', `${path} holds numbers of type ${header[2]}; only bytes (8) are read`, {
        help: 'write it with unsigned bytes',
      }),
    );
  if (header.length < 4 + 4 * rank)
    return err(problem('D040', `${path} ends in its header`, { help: 'it is cut short; fetch it again' }));
  const shape = Array.from({ length: rank }, (_, axis) => header.readUInt32BE(4 + axis * 4));
  const offset = 4 + 4 * rank;
  const expected = offset + shape.reduce((product, extent) => product * extent, 1);
  if (size !== expected)
    return err(
      problem('D040', `${path} says ${shape.join(' × ')} (${expected} bytes), but has ${size} bytes`, {
        help: 'it is cut short or damaged; fetch it again',
      }),
    );
  return ok({ path, plain: plain.value, shape, offset });
}

/** Bytes read at once, at least one item. */
const CHUNK = 1 << 20;

/** All items in order. Fewer come where the file has become shorter since it was opened. */
export function* itemsOf(file: IdxFile): Generator<Uint8Array> {
  const [count = 0] = file.shape;
  const size = itemBytes(file);
  const some = Math.max(1, Math.floor(CHUNK / size));
  for (let first = 0; first < count; first += some) {
    const bytes = readAt(file.plain, file.offset + first * size, Math.min(some, count - first) * size);
    for (let at = 0; at + size <= bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
}

/** One item, or undefined where there is none. */
export function itemAt(file: IdxFile, index: number): Uint8Array | undefined {
  const size = itemBytes(file);
  const bytes = readAt(file.plain, file.offset + index * size, size);
  return bytes.length === size ? bytes : undefined;
}

function itemBytes({ shape }: IdxFile): number {
  return shape.slice(1).reduce((product, extent) => product * extent, 1);
}

/** IDX files (LeCun's format of MNIST): magic 0x00 0x00 type rank, big-endian extents, then the numbers. Plain or gzipped. */
import { statSync } from 'node:fs';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import type { Digest } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';
import { plainFile, readAt } from './raw-file.ts';

const UNSIGNED_BYTE = 8;

export interface IdxFile {
  readonly path: string;
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
    return err(problem('D040', `${path} holds numbers of type ${header[2]}; only bytes (8) are read`));
  const shape = Array.from({ length: rank }, (_, axis) => header.readUInt32BE(4 + axis * 4));
  const offset = 4 + 4 * rank;
  const expected = offset + shape.reduce((product, extent) => product * extent, 1);
  if (size !== expected)
    return err(
      problem('D040', `${path} says ${shape.join(' × ')} (${expected} bytes), but has ${size} bytes`, {
        help: 'it is cut short or damaged; fetch it again',
      }),
    );
  return ok({ path: plain.value, shape, offset });
}

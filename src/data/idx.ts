/** IDX files (LeCun's format of MNIST): magic 0x00 0x00 type rank, big-endian extents, then the numbers. Plain or gzipped. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Diagnostic, problem } from '../base/diagnostic.ts';
import { type Digest, parseDigest } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';

const UNSIGNED_BYTE = 8;

export interface IdxFile {
  readonly path: string;
  /** Extents; the first is the number of items. */
  readonly shape: readonly number[];
  /** Where the numbers start. */
  readonly offset: number;
}

/** Opens a file of bytes. A gzipped one is unpacked once to `unpacked/`, by its digest: images are then read by their place. */
export async function openIdx(path: string, digest: Digest, unpacked: string): Promise<Result<IdxFile, Diagnostic>> {
  const plain = isGzip(path) ? await unpack(path, digest, unpacked) : ok(path);
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

function isGzip(path: string): boolean {
  const start = readAt(path, 0, 2);
  return start[0] === 0x1f && start[1] === 0x8b;
}

async function unpack(path: string, digest: Digest, folder: string): Promise<Result<string, Diagnostic>> {
  const target = join(folder, digest);
  if (existsSync(target)) return ok(target);
  const temporary = `${target}.tmp-${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true });
    await pipeline(createReadStream(path), createGunzip(), createWriteStream(temporary));
    renameSync(temporary, target);
    return ok(target);
  } catch (error) {
    rmSync(temporary, { force: true });
    return err(
      problem('D040', `${path} cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`),
    );
  }
}

/** Bytes at a place of a file; fewer where it ends. */
export function readAt(path: string, position: number, length: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, position));
  } finally {
    closeSync(file);
  }
}

/**
 * The key of raw pixels: SHA-256 over the ASCII word `pixels`, height, width and channels as 32-bit little-endian numbers, then the
 * bytes, row-major and channels last.
 */
export function pixelsDigest(height: number, width: number, channels: number, pixels: Uint8Array): Digest {
  const extents = new Uint8Array(Uint32Array.of(height, width, channels).buffer);
  return parseDigest(createHash('sha256').update('pixels').update(extents).update(pixels).digest('hex'));
}

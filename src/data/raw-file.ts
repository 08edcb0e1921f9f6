/** Files of raw pixels, plain or gzipped: opened once, then read by offset. */
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
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Diagnostic, type DiagnosticCode, problem } from '../base/diagnostic.ts';
import { type Digest, parseDigest } from '../base/digest.ts';
import { err, ok, type Result } from '../base/result.ts';

/**
 * The path of a file's plain bytes. A gzipped file is unpacked once to the folder `unpacked`, by its digest: images are then read by their place.
 * @param code of the diagnostic where it cannot be unpacked
 */
export async function plainFile(
  path: string,
  digest: Digest,
  unpacked: string,
  code: DiagnosticCode,
): Promise<Result<string, Diagnostic>> {
  if (!isGzip(path)) return ok(path);
  const target = join(unpacked, digest);
  if (existsSync(target)) return ok(target);
  const temporary = `${target}.tmp-${process.pid}`;
  try {
    mkdirSync(unpacked, { recursive: true });
    await pipeline(createReadStream(path), createGunzip(), createWriteStream(temporary));
    renameSync(temporary, target);
    return ok(target);
  } catch (error) {
    rmSync(temporary, { force: true });
    return err(problem(code, `${path} cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`));
  }
}

function isGzip(path: string): boolean {
  const start = readAt(path, 0, 2);
  return start[0] === 0x1f && start[1] === 0x8b;
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

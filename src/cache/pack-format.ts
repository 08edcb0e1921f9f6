/**
 * Pack files. A pack `<name>.pack` is a header and rows of equal size; `<name>.idx` is a header and records of equal size, one
 * a row, written after the row. Both only grow, and one process writes them, so a location (pack, row) means one row for ever.
 * All numbers are little-endian.
 *
 * Header, 64 bytes: magic (16), bytes a row (4), tag of the pack's name (4), the space's digest (32), zeros (4), CRC-32 of all that (4).
 * Record, 48 bytes: key (32), row number (4), CRC-32 of the row (4), tag of a pack whose row is dead, or 0 (4), CRC-32 of all that (4).
 *
 * A record with a tag says that a row in some pack was found damaged. It is written to the finder's own index, holds for ever, and
 * does not depend on the order in which indexes are read.
 */
import { crc32 } from 'node:zlib';
import type { Digest } from '../base/digest.ts';
import { KEY_BYTES } from '../data/row-table.ts';

export const HEADER_BYTES = 64;
export const RECORD_BYTES = 48;
/** Bytes after which a writer starts another pack. */
export const PACK_BYTES = 256 * 2 ** 20;

const CHECKED_HEADER = HEADER_BYTES - 4;
const CHECKED_RECORD = RECORD_BYTES - 4;
const MAGIC = { pack: 'pipe-row-pack-1\n', index: 'pipe-row-index1\n' } as const;

/** A number for a pack's name, never 0. */
export function tagOf(pack: string): number {
  return crc32(pack) || 1;
}

export function encodeHeader(file: keyof typeof MAGIC, pack: string, space: Digest, rowBytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC[file], 'latin1');
  header.writeUInt32LE(rowBytes, 16);
  header.writeUInt32LE(tagOf(pack), 20);
  header.write(space, 24, 'hex');
  header.writeUInt32LE(crc32(header.subarray(0, CHECKED_HEADER)), CHECKED_HEADER);
  return header;
}

/** Whether `bytes` start with exactly the header that this pack should have. */
export function hasHeader(
  bytes: Buffer,
  file: keyof typeof MAGIC,
  pack: string,
  space: Digest,
  rowBytes: number,
): boolean {
  return (
    bytes.length >= HEADER_BYTES && bytes.subarray(0, HEADER_BYTES).equals(encodeHeader(file, pack, space, rowBytes))
  );
}

export interface PackRecord {
  readonly key: Uint8Array;
  readonly row: number;
  readonly crc: number;
  /** Tag of the pack whose row is dead, or 0 for a row of this pack. */
  readonly deadIn: number;
}

export function encodeRecord(out: Buffer, at: number, { key, row, crc, deadIn }: PackRecord): void {
  out.set(key, at);
  out.writeUInt32LE(row, at + KEY_BYTES);
  out.writeUInt32LE(crc, at + KEY_BYTES + 4);
  out.writeUInt32LE(deadIn, at + KEY_BYTES + 8);
  out.writeUInt32LE(crc32(out.subarray(at, at + CHECKED_RECORD)), at + CHECKED_RECORD);
}

/** The record at `at`, or undefined where its checksum does not fit. The key is a view. */
export function decodeRecord(bytes: Buffer, at: number): PackRecord | undefined {
  if (crc32(bytes.subarray(at, at + CHECKED_RECORD)) !== bytes.readUInt32LE(at + CHECKED_RECORD)) return undefined;
  return {
    key: bytes.subarray(at, at + KEY_BYTES),
    row: bytes.readUInt32LE(at + KEY_BYTES),
    crc: bytes.readUInt32LE(at + KEY_BYTES + 4),
    deadIn: bytes.readUInt32LE(at + KEY_BYTES + 8),
  };
}

/** Where a row lies in its pack. */
export function rowOffset(row: number, rowBytes: number): number {
  return HEADER_BYTES + row * rowBytes;
}

/**
 * A pack: two append-only files of one writing process. `<name>.pack` holds a header and rows of equal size; `<name>.idx` a
 * record a row, written after the row itself, so that a record is a promise that its row is there. `<name>.dead` lists rows
 * found damaged since.
 */
import { crc32 } from 'node:zlib';

export const PACK_HEADER_BYTES = 64;
export const RECORD_BYTES = 48;
export const DEAD_BYTES = 8;
const MAGIC = 'pipe-pack-1\n';

export function packHeader(rowBytes: number): Buffer {
  const header = Buffer.alloc(PACK_HEADER_BYTES);
  header.write(MAGIC, 'latin1');
  header.writeDoubleLE(rowBytes, 16);
  header.writeUInt32LE(crc32(header.subarray(0, 24)), 24);
  return header;
}

/** The row size that a pack's header states, or undefined where the header is damaged. */
export function rowBytesOf(header: Buffer): number | undefined {
  if (header.length < PACK_HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
  return header.readUInt32LE(24) === crc32(header.subarray(0, 24)) ? header.readDoubleLE(16) : undefined;
}

export interface PackRecord {
  /** Image digest, 32 bytes. */
  readonly key: Uint8Array;
  /** Number of the row in its pack. */
  readonly row: number;
  /** CRC-32 of the row's bytes. */
  readonly crc: number;
}

/** key · row number · CRC-32 of the row · CRC-32 of the record. */
export function writeRecord(out: Buffer, at: number, { key, row, crc }: PackRecord): void {
  out.set(key.subarray(0, 32), at);
  out.writeUInt32LE(row, at + 32);
  out.writeUInt32LE(crc, at + 36);
  out.writeUInt32LE(0, at + 40);
  out.writeUInt32LE(crc32(out.subarray(at, at + 44)), at + 44);
}

/** A record, or undefined where it is damaged. */
export function readRecord(bytes: Buffer, at: number): PackRecord | undefined {
  if (bytes.readUInt32LE(at + 44) !== crc32(bytes.subarray(at, at + 44))) return undefined;
  return { key: bytes.subarray(at, at + 32), row: bytes.readUInt32LE(at + 32), crc: bytes.readUInt32LE(at + 36) };
}

export function deadRecord(row: number): Buffer {
  const bytes = Buffer.alloc(DEAD_BYTES);
  bytes.writeUInt32LE(row, 0);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 4)), 4);
  return bytes;
}

export function readDead(bytes: Buffer): ReadonlySet<number> {
  const rows = new Set<number>();
  for (let at = 0; at + DEAD_BYTES <= bytes.length; at += DEAD_BYTES) {
    if (bytes.readUInt32LE(at + 4) === crc32(bytes.subarray(at, at + 4))) rows.add(bytes.readUInt32LE(at));
  }
  return rows;
}

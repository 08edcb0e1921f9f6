/**
 * PNG files (ISO/IEC 15948) of the plainest kind: 8-bit gray or RGB, not interlaced, no chunk that touches colours, nothing damaged.
 * Everything else is left to sharp, which also knows what to say of it.
 */
import { crc32, inflateSync } from 'node:zlib';
import type { Pixels } from './pixels.ts';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
/** Above it libpng has limits of its own, and sharp needs less memory. */
const MOST_SAMPLES = 1 << 26;
const MOST_EXTENT = 1 << 15;
/** Channels by colour type: gray, and red, green and blue. */
const CHANNELS: Readonly<Record<number, 1 | 3>> = { 0: 1, 2: 3 };

/** The pixels, or undefined where the file is not plain and whole in every respect. */
export function readPlainPng(bytes: Uint8Array): Pixels | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!file.subarray(0, 8).equals(SIGNATURE)) return undefined;
  const chunks = plainChunks(file);
  if (!chunks) return undefined;
  const header = readHeader(chunks.header);
  if (!header) return undefined;
  const { height, width, channels } = header;
  const row = width * channels;
  const filtered = inflated(chunks.data, height * (row + 1));
  const data = filtered && unfiltered(filtered, { height, row, channels });
  return data && { data, height, width, channels };
}

interface PlainChunks {
  readonly header: Buffer;
  readonly data: readonly Buffer[];
}

/** Header and data of a file that holds IHDR, a pHYs or none, IDATs in a row and IEND, each whole, and ends there. */
function plainChunks(file: Buffer): PlainChunks | undefined {
  const data: Buffer[] = [];
  let header: Buffer | undefined;
  let extents = false;
  for (let at = 8; at + 12 <= file.length; ) {
    const length = file.readUInt32BE(at);
    const end = at + 12 + length;
    if (end > file.length || crc32(file.subarray(at + 4, end - 4)) !== file.readUInt32BE(end - 4)) return undefined;
    const body = file.subarray(at + 8, end - 4);
    const type = file.toString('latin1', at + 4, at + 8);
    if (type === 'IHDR' && !header && at === 8 && length === 13) header = body;
    else if (type === 'pHYs' && header && !extents && data.length === 0 && length === 9) extents = true;
    else if (type === 'IDAT' && header) data.push(body);
    else if (type === 'IEND' && header && data.length > 0 && length === 0)
      return end === file.length ? { header, data } : undefined;
    else return undefined;
    at = end;
  }
  return undefined;
}

function readHeader(header: Buffer) {
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth, colours, compression, filter, interlace] = header.subarray(8);
  const channels = CHANNELS[colours ?? -1];
  if (!channels || depth !== 8 || compression !== 0 || filter !== 0 || interlace !== 0) return undefined;
  if (width === 0 || height === 0 || width > MOST_EXTENT || height > MOST_EXTENT) return undefined;
  return width * height * channels > MOST_SAMPLES ? undefined : { width, height, channels };
}

/** Exactly `size` bytes out of exactly one zlib stream. */
function inflated(data: readonly Buffer[], size: number): Buffer | undefined {
  const [first] = data;
  const stream = data.length === 1 && first ? first : Buffer.concat(data);
  try {
    // One byte of room tells a stream that is too long.
    const found: unknown = inflateSync(stream, {
      maxOutputLength: size + 1,
      chunkSize: Math.max(64, size + 1),
      info: true,
    });
    if (!isInfo(found) || found.buffer.length !== size || found.engine.bytesWritten !== stream.length) return undefined;
    return found.buffer;
  } catch {
    return undefined;
  }
}

/** What zlib's functions give under `info: true`, which their types do not say. */
interface Info {
  readonly buffer: Buffer;
  /** `bytesWritten`: bytes of the input that were used. */
  readonly engine: { readonly bytesWritten: number };
}

function isInfo(found: unknown): found is Info {
  return typeof found === 'object' && found !== null && 'buffer' in found && 'engine' in found;
}

interface Rows {
  readonly height: number;
  /** Bytes of a row, without the one that names its filter. */
  readonly row: number;
  readonly channels: number;
}

/** Section 9.2 of the standard: each byte is a difference to the byte to the left (a), above (b), or above left (c). */
function unfiltered(filtered: Uint8Array, { height, row, channels }: Rows): Uint8Array | undefined {
  const out = new Uint8Array(height * row);
  for (let y = 0; y < height; y++) {
    const from = y * (row + 1) + 1;
    const to = y * row;
    const above = to - row;
    const has = y > 0;
    const type = filtered[from - 1];
    if (type === 0 || (type === 2 && !has)) out.set(filtered.subarray(from, from + row), to);
    else if (type === 1 || (type === 4 && !has)) {
      // The first row's predictor of Paeth is the byte to the left.
      for (let i = 0; i < row; i++)
        out[to + i] = (filtered[from + i] ?? 0) + (i < channels ? 0 : (out[to + i - channels] ?? 0));
    } else if (type === 2) {
      for (let i = 0; i < row; i++) out[to + i] = (filtered[from + i] ?? 0) + (out[above + i] ?? 0);
    } else if (type === 3) {
      for (let i = 0; i < row; i++) {
        const a = i < channels ? 0 : (out[to + i - channels] ?? 0);
        const b = has ? (out[above + i] ?? 0) : 0;
        out[to + i] = (filtered[from + i] ?? 0) + ((a + b) >> 1);
      }
    } else if (type === 4) {
      for (let i = 0; i < row; i++) {
        const b = out[above + i] ?? 0;
        const left = i >= channels;
        const a = left ? (out[to + i - channels] ?? 0) : 0;
        const c = left ? (out[above + i - channels] ?? 0) : 0;
        out[to + i] = (filtered[from + i] ?? 0) + paeth(a, b, c);
      }
    } else return undefined;
  }
  return out;
}

/** Whichever of the three is nearest to a + b − c; of equals the first. */
function paeth(a: number, b: number, c: number): number {
  const toA = Math.abs(b - c);
  const toB = Math.abs(a - c);
  const toC = Math.abs(a + b - 2 * c);
  return toA <= toB && toA <= toC ? a : toB <= toC ? b : c;
}

/**
 * JPEG files (ITU-T T.81) of the plainest kind: baseline or extended with Huffman codes, 8 bits, gray or the usual three components, one scan,
 * nothing damaged. Decoded to the bits that libjpeg-turbo and mozjpeg give. Everything else is left to sharp, which also knows what to say of it.
 */
import { isPlainSegment, PROFILE } from './jpeg-header.ts';
import { kernels, places } from './kernels.ts';
import { shapeColours } from './pixel-kernels.ts';
import type { Extent, Pixels } from './pixels.ts';
import type { Conversion } from './profile-conversion.ts';

/** Above it sharp needs less memory: here it is up to seven bytes a pixel, in every thread, and kept. */
const MOST_PIXELS = 1 << 22;
const MOST_BYTES = 1 << 24;

const MARKER = {
  extended: 0xc1,
  baseline: 0xc0,
  huffman: 0xc4,
  startOfImage: 0xd8,
  startOfScan: 0xda,
  quantization: 0xdb,
  restart: 0xdd,
  app0: 0xe0,
  app2: 0xe2,
  app15: 0xef,
  comment: 0xfe,
};

export interface JpegChoices {
  /** Whether a picture of that extent, gray or in three channels, is wanted from here. */
  takes(extent: Extent, channels: number): boolean;
  /** What a colour profile makes of colours; undefined where that is not known yet. */
  conversion(profile: Buffer): Conversion | undefined;
}

/**
 * The pixels, gray or red, green and blue, or undefined where the file is not plain and whole in every respect.
 * @returns a view of the kernels' memory, good until they do anything else
 */
export function readPlainJpeg(bytes: Uint8Array, { takes, conversion }: JpegChoices): Pixels | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = segmentsOf(file);
  const picture = found && pictureOf(found);
  if (!picture || !takes(picture, picture.components.length)) return undefined;
  const colours = found.profile.length === 0 ? 'none' : conversion(Buffer.concat(found.profile));
  if (!colours || colours === 'by libvips') return undefined;
  const pixels = decoded(file, found, picture);
  return !pixels || colours === 'none' ? pixels : { ...pixels, data: shapeColours(pixels.data, colours) };
}

interface Segments {
  frame: Buffer | undefined;
  scan: Buffer | undefined;
  /** Where the scan's codes begin. */
  codes: number;
  /** Units between restarts; 0 for none. */
  interval: number;
  /** Number and 64 bytes. */
  readonly quantizations: { readonly which: number; readonly at: number }[];
  /** Number, class, and 16 counts with the symbols behind them. */
  readonly huffman: {
    readonly which: number;
    readonly first: boolean;
    readonly at: number;
    readonly symbols: number;
  }[];
  readonly profile: Buffer[];
}

/** What stands before the scan. */
function segmentsOf(file: Buffer): Segments | undefined {
  if (file.length < 4 || file.length > MOST_BYTES || file.readUInt16BE(0) !== 0xff00 + MARKER.startOfImage)
    return undefined;
  const found: Segments = {
    frame: undefined,
    scan: undefined,
    codes: 0,
    interval: 0,
    quantizations: [],
    huffman: [],
    profile: [],
  };
  for (let at = 2; at + 4 <= file.length && !found.scan; ) {
    const [fill, marker = 0] = file.subarray(at, at + 2);
    const end = at + 2 + file.readUInt16BE(at + 2);
    const body = file.subarray(at + 4, end);
    if (fill !== 0xff || end > file.length || end < at + 4 || !takeSegment(found, marker, body, at + 4))
      return undefined;
    at = end;
    found.codes = end;
  }
  return found;
}

/** @returns whether it is a plain one */
function takeSegment(found: Segments, marker: number, body: Buffer, at: number): boolean {
  if (!isPlainSegment(marker, body)) return false;
  switch (marker) {
    case MARKER.baseline:
    case MARKER.extended: {
      if (found.frame) return false;
      found.frame = body;
      return true;
    }
    case MARKER.startOfScan: {
      found.scan = body;
      return true;
    }
    case MARKER.restart: {
      if (body.length !== 2) return false;
      found.interval = body.readUInt16BE(0);
      return true;
    }
    case MARKER.quantization: {
      // Tables of 8 bits: a number below 4, and 64 values.
      for (let i = 0; i < body.length; i += 65) found.quantizations.push({ which: body[i] ?? 0, at: at + i + 1 });
      return body.length % 65 === 0 && found.quantizations.every(({ which }) => which < 4);
    }
    case MARKER.huffman:
      return takeHuffman(found, body, at);
    case MARKER.app2: {
      // The number of the segment, and of how many.
      const [number = 0, count] = body.subarray(PROFILE.length);
      found.profile.push(body.subarray(PROFILE.length + 2));
      return number === found.profile.length && (count ?? 0) >= number;
    }
    default:
      return marker === MARKER.comment || (marker >= MARKER.app0 && marker <= MARKER.app15);
  }
}

function takeHuffman({ huffman }: Segments, body: Buffer, at: number): boolean {
  let i = 0;
  while (i + 17 <= body.length) {
    const symbols = body.subarray(i + 1, i + 17).reduce((sum, count) => sum + count, 0);
    const kind = body[i] ?? 0;
    if (symbols > 256 || (kind & ~0x13) !== 0) return false;
    huffman.push({ which: kind & 3, first: kind < 16, at: at + i + 1, symbols });
    i += 17 + symbols;
  }
  return i === body.length;
}

interface Component {
  /** Blocks of a unit. */
  readonly across: number;
  readonly down: number;
  readonly quantization: number;
  readonly dc: number;
  readonly ac: number;
}

interface Picture {
  readonly height: number;
  readonly width: number;
  readonly components: readonly Component[];
}

/** Frame and scan, where they are usual ones and every table is there. */
function pictureOf({ frame, scan, quantizations, huffman, profile }: Segments): Picture | undefined {
  const count = frame?.[5];
  if (!frame || !scan || frame[0] !== 8 || (count !== 1 && count !== 3)) return undefined;
  if (frame.length !== 6 + 3 * count || scan.length !== 4 + 2 * count || scan[0] !== count) return undefined;
  if (!scan.subarray(1 + 2 * count).equals(Buffer.from([0, 63, 0]))) return undefined;
  const [height, width] = [frame.readUInt16BE(1), frame.readUInt16BE(3)];
  if (height === 0 || width === 0 || height * width > MOST_PIXELS || (count === 1 && profile.length > 0))
    return undefined;
  const has = (first: boolean, which: number) =>
    huffman.some((table) => table.first === first && table.which === which);
  const components: Component[] = [];
  for (let i = 0; i < count; i++) {
    const [name, sampling = 0, quantization = 0] = frame.subarray(6 + 3 * i);
    const [scanName, tables = 0] = scan.subarray(1 + 2 * i);
    const [dc, ac] = [tables >> 4, tables & 15];
    if (name !== i + 1 || scanName !== name || !has(true, dc) || !has(false, ac)) return undefined;
    if (!quantizations.some(({ which }) => which === quantization)) return undefined;
    components.push({ across: sampling >> 4, down: sampling & 15, quantization, dc, ac });
  }
  const [luma, ...chroma] = components;
  if (!luma || chroma.some(({ across, down }) => across !== 1 || down !== 1)) return undefined;
  // Blocks of a scan of one component are not gathered in units.
  if (count === 1) return { height, width, components: [{ ...luma, across: 1, down: 1 }] };
  if (luma.across < 1 || luma.across > 2 || luma.down < 1 || luma.down > 2) return undefined;
  // Narrower rows are spread in another way.
  return luma.across > 1 && width <= 4 ? undefined : { height, width, components };
}

/** Room before and behind each row of a plane. */
const ROW_SLACK = 32;
/** Room for what a block may read beyond the codes' end. */
const CODE_SLACK = 1024;

function decoded(file: Buffer, { quantizations, huffman, codes, interval }: Segments, picture: Picture) {
  const { memory, readJpeg, setComponent, setHuffman, setQuantization, startScan } = kernels();
  const { height, width, components } = picture;
  const { across = 1, down = 1 } = components[0] ?? {};
  const units = { across: Math.ceil(width / 8 / across), down: Math.ceil(height / 8 / down) };
  const strides = components.map((component) => Math.ceil((units.across * component.across * 8 + ROW_SLACK) / 16) * 16);
  const planes = components.map((component, i) => (strides[i] ?? 0) * 8 * component.down * (down > 1 ? units.down : 1));
  const rowSlack = 2 * (width + 128);
  const [bytes = 0, backwards = 0, spare = 0, to = 0, ...planeAt] = places([
    file.length,
    file.length + CODE_SLACK,
    rowSlack,
    height * width * components.length,
    ...planes,
  ]);
  new Uint8Array(memory.buffer, bytes).set(file);
  for (const { which, at } of quantizations) setQuantization(which, bytes + at);
  for (const { which, first, at, symbols } of huffman)
    if (!setHuffman(which, Number(first), bytes + at, symbols)) return undefined;
  for (const [i, { across: wide, down: high, quantization, dc, ac }] of components.entries())
    setComponent(i, planeAt[i] ?? 0, strides[i] ?? 0, wide, high, quantization, dc, ac);
  const end = backwards + file.length + CODE_SLACK;
  startScan(bytes + codes, bytes + file.length, end, components.length, units.across, interval);
  if (!readJpeg(units.down, width, height, spare, to)) return undefined;
  const data = new Uint8Array(memory.buffer, to, height * width * components.length);
  return { data, height, width, channels: components.length };
}

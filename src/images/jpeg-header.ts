/** What the header of a JPEG file (ITU-T T.81, annex B) says, where it is a plain one: nothing has to be turned, three channels. */
import { isUpright } from './exif.ts';

export interface JpegHeader {
  readonly height: number;
  readonly width: number;
  /** An embedded colour profile, put together from its segments. */
  readonly profile: Buffer | undefined;
}

const MARKER = { startOfImage: 0xd8, startOfScan: 0xda, app0: 0xe0, app1: 0xe1, app2: 0xe2, app14: 0xee };
/** Start of a frame: baseline, extended and progressive, with Huffman codes. */
const FRAMES: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2]);
/** What a segment with a part of a colour profile begins with. */
export const PROFILE = 'ICC_PROFILE\0';

/** Undefined where the file is unusual or damaged, or may say how it is to be turned: sharp looks then. */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 4 || file.readUInt16BE(0) !== 0xff00 + MARKER.startOfImage) return undefined;
  const profile: Buffer[] = [];
  let extent: Pick<JpegHeader, 'height' | 'width'> | undefined;
  for (let at = 2; at + 4 <= file.length; ) {
    const [fill, marker = 0] = file.subarray(at, at + 2);
    const length = file.readUInt16BE(at + 2);
    const body = file.subarray(at + 4, at + 2 + length);
    if (fill !== 0xff || length < 2 || body.length !== length - 2) return undefined;
    if (marker === MARKER.startOfScan) return extent && { ...extent, profile: joined(profile) };
    if (!isPlainSegment(marker, body)) return undefined;
    if (marker === MARKER.app2) {
      // The number of the segment, and of how many: in any other order they are left to sharp.
      const [number, count] = body.subarray(PROFILE.length);
      if (number !== profile.length + 1 || (count ?? 0) < number) return undefined;
      profile.push(body.subarray(PROFILE.length + 2));
    }
    if (FRAMES.has(marker)) {
      if (extent || body.length < 6 || body[0] !== 8 || body[5] !== 3) return undefined;
      extent = { height: body.readUInt16BE(1), width: body.readUInt16BE(3) };
      if (extent.height === 0 || extent.width === 0) return undefined;
    }
    at += 2 + length;
  }
  return undefined;
}

/** Whether a segment for programs tells nothing that changes the picture. */
export function isPlainSegment(marker: number, body: Buffer): boolean {
  const starts = (text: string) => body.toString('latin1', 0, text.length) === text;
  // Orientation is told by Exif; a second picture that makes the first one brighter by Adobe's text in the same segment.
  if (marker === MARKER.app1) return starts('Exif\0\0') ? isUpright(body.subarray(6)) : !body.includes('hdrgm');
  if (marker === MARKER.app2) return starts(PROFILE);
  // Of any other version libjpeg warns.
  if (marker === MARKER.app0) return !starts('JFIF\0') || body[5] === 1;
  // Adobe's segment may mean other colours than the usual ones: 1 is those.
  return marker !== MARKER.app14 || (starts('Adobe') && body[11] === 1);
}

function joined(parts: readonly Buffer[]): Buffer | undefined {
  return parts.length === 0 ? undefined : Buffer.concat(parts);
}

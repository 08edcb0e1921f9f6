/** Exif data (CIPA DC-008), of which only the orientation matters here. */

const ORIENTATION = 0x0112;
const SHORT = 3;

/**
 * Whether a picture is to be shown as it is stored.
 * @param tiff Exif data from its byte order on; false where they are damaged
 */
export function isUpright(tiff: Buffer): boolean {
  const order = tiff.toString('latin1', 0, 4);
  if (tiff.length < 8 || (order !== 'II*\0' && order !== 'MM\0*')) return false;
  const little = order.startsWith('I');
  const short = (at: number) => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const long = (at: number) => (little ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at));
  const start = long(4);
  if (start + 2 > tiff.length) return false;
  const entries = short(start);
  if (start + 2 + 12 * entries > tiff.length) return false;
  for (let at = start + 2; at < start + 2 + 12 * entries; at += 12) {
    if (short(at) !== ORIENTATION) continue;
    if (short(at + 2) !== SHORT || long(at + 4) !== 1 || short(at + 8) !== 1) return false;
  }
  return true;
}

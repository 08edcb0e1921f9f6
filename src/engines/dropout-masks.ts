/**
 * Dropout masks from the counter-based generator: a unit of a row is kept or not by (seed, layer, the row's image digest, epoch)
 * alone, so that the order of rows, the batch and an interruption change nothing.
 */
import { drawKey, philox4x32 } from '../base/philox.ts';

/** Draws have 16 bits: a rate is met to 1/65536. */
const DRAWS = 65_536;

/**
 * Fills a mask: 0 with probability `rate`, else 1/(1 − rate).
 * @param rowKeys two words a row
 * @param units numbers a row
 */
export function fillMask(out: Float32Array, { seed, layer, rate, units, rowKeys, rows, epoch }: MaskDraw): void {
  const [k0, k1] = drawKey(seed, `dropout/${layer}`);
  const threshold = Math.round(rate * DRAWS);
  const kept = 1 / (1 - rate);
  const block = new Uint32Array(4);
  for (let row = 0; row < rows; row++) {
    const [a, b] = [rowKeys[row * 2] ?? 0, rowKeys[row * 2 + 1] ?? 0];
    const end = (row + 1) * units;
    for (let at = row * units, counter = 0; at < end; at += 8, counter++) {
      philox4x32(a, b, epoch, counter, k0, k1, block);
      for (let i = 0; i < 8 && at + i < end; i++) {
        const word = block[i >> 1] ?? 0;
        out[at + i] = ((i & 1) === 0 ? word & 0xffff : word >>> 16) < threshold ? 0 : kept;
      }
    }
  }
}

export interface MaskDraw {
  readonly seed: number;
  readonly layer: string;
  readonly rate: number;
  readonly units: number;
  readonly rowKeys: Uint32Array;
  readonly rows: number;
  readonly epoch: number;
}

/**
 * Philox 4×32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3" (SC'11). A draw depends on its key and counter alone, never on the order of draws, the batch or the worker.
 */
import { createHash } from 'node:crypto';

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** High 32 bits of the unsigned 64-bit product. */
function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const low = a0 * b0;
  const mid1 = a1 * b0 + (low >>> 16);
  const mid2 = a0 * b1 + (mid1 & 0xffff);
  return (a1 * b1 + Math.floor(mid1 / 65536) + Math.floor(mid2 / 65536)) >>> 0;
}

/** Writes the four 32-bit words of block `counter` under `key` to `out[at … at+3]`. */
export function philox4x32(
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
  out: Uint32Array,
  at = 0,
): void {
  let [x0, x1, x2, x3, q0, q1] = [c0, c1, c2, c3, k0, k1];
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(M0, x0);
    const low0 = Math.imul(M0, x0) >>> 0;
    const high1 = mulHigh(M1, x2);
    const low1 = Math.imul(M1, x2) >>> 0;
    x0 = (high1 ^ x1 ^ q0) >>> 0;
    x1 = low1;
    x2 = (high0 ^ x3 ^ q1) >>> 0;
    x3 = low0;
    q0 = (q0 + W0) >>> 0;
    q1 = (q1 + W1) >>> 0;
  }
  out[at] = x0;
  out[at + 1] = x1;
  out[at + 2] = x2;
  out[at + 3] = x3;
}

/** The 64-bit Philox key of (seed, purpose): the first eight bytes of their SHA-256. */
export function drawKey(seed: number, purpose: string): readonly [number, number] {
  const bytes = createHash('sha256').update(`draw\n${seed}\n${purpose}`).digest();
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
}

/** A stream of draws under (seed, purpose): for initialisers and everything else that is drawn once, in one order. */
export class DrawStream {
  readonly #key: readonly [number, number];
  readonly #block = new Uint32Array(4);
  #counter = 0;
  #next = 4;

  constructor(seed: number, purpose: string) {
    this.#key = drawKey(seed, purpose);
  }

  uint32(): number {
    if (this.#next === 4) {
      philox4x32(
        this.#counter >>> 0,
        Math.floor(this.#counter / 2 ** 32),
        0,
        0,
        this.#key[0],
        this.#key[1],
        this.#block,
      );
      this.#counter++;
      this.#next = 0;
    }
    return this.#block[this.#next++] ?? 0;
  }

  /** Uniform in [0, 1), 32 bits. */
  uniform(): number {
    return this.uint32() / 2 ** 32;
  }

  /** Standard normal, Box–Muller. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }
}

/** NumPy's `.npy` format, version 1.0: little-endian float32 or float16 in C order. */
import { AtomicFile } from './atomic-file.ts';

export type NpyDtype = 'float32' | 'float16';

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0);

/** Everything before the numbers: magic, version, and a Python dict padded to a multiple of 64 bytes. */
export function npyHeader(shape: readonly number[], dtype: NpyDtype): Uint8Array {
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dict = `{'descr': '${dtype === 'float32' ? '<f4' : '<f2'}', 'fortran_order': False, 'shape': (${extents}), }`;
  const length = Math.ceil((MAGIC.length + 2 + dict.length + 1) / 64) * 64;
  const header = Buffer.alloc(length, ' ');
  header.set(MAGIC);
  header.writeUInt16LE(length - MAGIC.length - 2, MAGIC.length);
  header.write(dict, MAGIC.length + 2, 'latin1');
  header.write('\n', length - 1, 'latin1');
  return header;
}

/** A float32 array as the bytes of a `.npy` file. */
export function encodeNpy(shape: readonly number[], numbers: Float32Array): Uint8Array {
  return Buffer.concat([npyHeader(shape, 'float32'), bytesOf(numbers)]);
}

/** A `.npy` file written chunk by chunk; the shape must be known before. */
export class NpyWriter {
  readonly #file: AtomicFile;
  #left: number;

  constructor(path: string, shape: readonly number[], dtype: NpyDtype, options: { readonly flush: boolean }) {
    this.#file = new AtomicFile(path, options);
    this.#file.write(npyHeader(shape, dtype));
    this.#left = shape.reduce((product, extent) => product * extent, dtype === 'float32' ? 4 : 2);
  }

  write(numbers: Float32Array | Uint16Array): void {
    this.#file.write(bytesOf(numbers));
    this.#left -= numbers.byteLength;
  }

  /** @throws Error when fewer or more numbers were written than the shape holds. */
  commit(): void {
    if (this.#left !== 0) throw new Error(`an .npy file lacks ${this.#left} bytes of its shape`);
    this.#file.commit();
  }

  discard(): void {
    this.#file.discard();
  }
}

/**
 * Reads a float32 `.npy` file of ours (C order, version 1.0).
 * @throws Error when it is something else; callers have checked its digest before.
 */
export function decodeNpy(bytes: Uint8Array): { readonly shape: readonly number[]; readonly numbers: Float32Array } {
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) throw new Error('not a version 1.0 .npy file');
  const start = MAGIC.length + 2 + (bytes[MAGIC.length] ?? 0) + 256 * (bytes[MAGIC.length + 1] ?? 0);
  const dict = Buffer.from(bytes.subarray(MAGIC.length + 2, start)).toString('latin1');
  const extents = /'shape': \(([\d, ]*)\)/.exec(dict)?.[1];
  if (!dict.includes("'descr': '<f4'") || !dict.includes("'fortran_order': False") || extents === undefined) {
    throw new Error('not a float32 .npy file in C order');
  }
  const shape = extents.split(',').flatMap((extent) => (extent.trim() === '' ? [] : [Number(extent)]));
  const numbers = new Float32Array(new Uint8Array(bytes.subarray(start)).buffer);
  if (numbers.length !== shape.reduce((product, extent) => product * extent, 1))
    throw new Error('an .npy file of the wrong length');
  return { shape, numbers };
}

function bytesOf(numbers: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

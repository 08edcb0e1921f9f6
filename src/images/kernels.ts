/** The inner loops over pixels, in WebAssembly (compiled from wasm/): several times as fast as the same in JavaScript. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../files/package-root.ts';

type Kernel = (...addressesAndCounts: number[]) => number;

/** Addresses are bytes of the one memory. */
export interface Kernels {
  readonly memory: WebAssembly.Memory;
  readonly averageAcross: Kernel;
  readonly averageDown: Kernel;
  readonly firstFree: Kernel;
  readonly lookUpColours: Kernel;
  readonly lookUpGray: Kernel;
  readonly mixAcross: Kernel;
  readonly mixDown: Kernel;
  readonly readJpeg: Kernel;
  readonly setComponent: Kernel;
  readonly setHuffman: Kernel;
  readonly setQuantization: Kernel;
  readonly shapeColours: Kernel;
  readonly shrinkAcross1: Kernel;
  readonly shrinkAcross3: Kernel;
  readonly shrinkDown: Kernel;
  readonly startScan: Kernel;
}

let loaded: Kernels | undefined;

export function kernels(): Kernels {
  loaded ??= load();
  return loaded;
}

function load(): Kernels {
  const module = new WebAssembly.Module(readFileSync(join(packageRoot(), 'dist', 'pixel-kernels.wasm')));
  const { memory, ...functions } = new WebAssembly.Instance(module).exports;
  const named = (name: string): Kernel => {
    const found = functions[name];
    if (typeof found !== 'function') throw new Error(`pixel-kernels.wasm exports no ${name}`);
    return (...given) => Number(found(...given));
  };
  if (!(memory instanceof WebAssembly.Memory)) throw new Error('pixel-kernels.wasm exports no memory');
  return {
    memory,
    averageAcross: named('averageAcross'),
    averageDown: named('averageDown'),
    firstFree: named('firstFree'),
    lookUpColours: named('lookUpColours'),
    lookUpGray: named('lookUpGray'),
    mixAcross: named('mixAcross'),
    mixDown: named('mixDown'),
    readJpeg: named('readJpeg'),
    setComponent: named('setComponent'),
    setHuffman: named('setHuffman'),
    setQuantization: named('setQuantization'),
    shapeColours: named('shapeColours'),
    shrinkAcross1: named('shrinkAcross1'),
    shrinkAcross3: named('shrinkAcross3'),
    shrinkDown: named('shrinkDown'),
    startScan: named('startScan'),
  };
}

const PAGE = 65_536;
/** Kernels work on up to 64 bytes at a time, and so reach beyond the last of an array, and before its first. */
const SLACK = 64;

/** Bytes that may lie in the kernels' memory already: where, how many, and where the memory is free behind them. */
export function placeOf(data: Uint8Array) {
  const { memory, firstFree } = kernels();
  const at = data.buffer === memory.buffer ? data.byteOffset : undefined;
  return { at, length: data.length, free: at === undefined ? firstFree() : at + data.length };
}

/**
 * Places for arrays of so many bytes each, one behind the other from `free` on; the memory grows where it is too small, which takes the
 * bytes from all views of it.
 */
export function places(sizes: readonly number[], free = kernels().firstFree()): readonly number[] {
  const { memory } = kernels();
  let end = free;
  const found = sizes.map((size) => {
    const at = Math.ceil((end + SLACK) / 16) * 16;
    end = at + size;
    return at;
  });
  const missing = end + SLACK - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  return found;
}

/** Bytes that stay when the kernels work on others. */
export function kept(data: Uint8Array): Uint8Array {
  return data.buffer === kernels().memory.buffer ? data.slice() : data;
}

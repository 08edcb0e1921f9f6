/** The inner loops over pixels and over the bytes of JPEG files, in AssemblyScript. All addresses are bytes of the one memory. */
export { readJpeg, setComponent, setHuffman, setQuantization, startScan } from './jpeg';
export { lookUpColours, lookUpGray } from './look-up';
export { mixAcross, mixDown } from './mix';
export { shapeColours } from './shape';
export { averageAcross, averageDown, shrinkAcross1, shrinkAcross3, shrinkDown } from './shrink';

/** Where the memory is free from: tables lie below. */
export function firstFree(): usize {
  return __heap_base;
}

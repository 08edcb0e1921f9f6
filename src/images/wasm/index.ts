/** The inner loops over pixels, in AssemblyScript. All addresses are bytes of the one memory. */
export { lookUpColours, lookUpGray } from './look-up';
export { mixAcross, mixDown } from './mix';

/** Where the memory is free from: tables lie below. */
export function firstFree(): usize {
  return __heap_base;
}

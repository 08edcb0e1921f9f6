import { defineCodes } from './code.ts';

export const cacheCodes = defineCodes({
  K001: { exit: 7, title: 'the cache cannot be written', explanation: 'A write below the cache folder failed. Nothing half-written is left behind.' },
});

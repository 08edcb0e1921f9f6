import { defineCodes } from './code.ts';

export const dataCodes = defineCodes({
  D001: { exit: 4, title: 'an input file is missing', explanation: 'A path named in the pipeline file does not exist or is not a file.' },
});

import { defineCodes } from './code.ts';

export const dataCodes = defineCodes({
  D001: { exit: 4, title: 'an input file is missing', explanation: 'A path named in the pipeline file does not exist. Relative paths start at the file that wrote them.' },
  D002: { exit: 4, title: 'an input is not a file', explanation: 'A folder or device stands where a file is expected.' },
  D003: { exit: 4, title: 'an input cannot be read', explanation: 'The system refuses, or the disk reports an error.' },
});

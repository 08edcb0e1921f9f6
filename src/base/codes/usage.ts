import { defineCodes } from './code.ts';

export const usageCodes = defineCodes({
  U001: { exit: 2, title: 'wrong usage', explanation: 'The command line does not fit the command. The help text lists what it takes.' },
});

import { defineCodes } from './code.ts';

export const stageCodes = defineCodes({
  S001: { exit: 1, title: 'a stage failed', explanation: 'The stage ran and ended with its own failure.' },
});

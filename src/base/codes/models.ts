import { defineCodes } from './code.ts';

export const modelCodes = defineCodes({
  M001: { exit: 6, title: 'a weights file is missing', explanation: 'The weights that a backbone needs are not on this machine.' },
});

import { defineCodes } from './code.ts';

export const engineCodes = defineCodes({
  E001: { exit: 6, title: 'an engine is not usable', explanation: 'The engine asked for is not installed or failed its self-test. The reason says which.' },
});

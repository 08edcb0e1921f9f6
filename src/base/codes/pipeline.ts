import { defineCodes } from './code.ts';

export const pipelineCodes = defineCodes({
  P001: { exit: 3, title: 'the file is not valid YAML', explanation: 'The YAML parser stopped here. The caret shows where.' },
});

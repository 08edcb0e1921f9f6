import { defineCodes } from './code.ts';

export const usageCodes = defineCodes({
  U001: {
    exit: 2,
    title: 'wrong usage',
    explanation: 'The command line does not fit the command. `--help` lists what it takes.',
  },
  U002: {
    exit: 2,
    title: '`--set` is not PATH=VALUE',
    explanation: 'The path is dotted and starts with a stage, `vars` or `seed`; the value is read as YAML.',
  },
  U003: {
    exit: 2,
    title: '`--set` names no setting',
    explanation: 'The first part of the path is a stage of the file, `vars`, or `seed`.',
  },
  U004: { exit: 2, title: 'no such stage', explanation: 'The stages named on the command line must be in the file.' },
  U005: { exit: 2, title: 'no such run', explanation: '`pipe runs` lists what can be named.' },
  U006: {
    exit: 2,
    title: 'a file is there already',
    explanation: 'Nothing is overwritten. Move the file away or edit it.',
  },
});

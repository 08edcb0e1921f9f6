import { defineCodes } from './code.ts';

export const usageCodes = defineCodes({
  U001: { exit: 2, title: 'wrong usage', explanation: 'The command line does not fit the command. The help text lists what it takes.' },
  U002: { exit: 2, title: '`--set` has no path or value', explanation: '`--set` takes `STAGE.KEY=VALUE`, `vars.NAME=VALUE` or `seed=VALUE`; the value is read as YAML.' },
  U003: { exit: 2, title: '`--set` names nothing', explanation: 'The path of a `--set` starts with no stage of the pipeline, or with a variable that it does not declare.' },
});

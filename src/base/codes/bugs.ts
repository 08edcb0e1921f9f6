import { defineCodes } from './code.ts';

export const bugCodes = defineCodes({
  X001: {
    exit: 70,
    title: 'a bug in pipe',
    explanation:
      'Something happened that the program did not expect. Please report it with the command, the pipeline file and the output of `pipe doctor`; `--debug` shows where it happened. Nothing half-written is left behind: the next run goes on from what is in the cache.',
  },
});

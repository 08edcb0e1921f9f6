import { defineCodes } from './code.ts';

export const engineCodes = defineCodes({
  E001: {
    exit: 6,
    title: 'an engine is not usable',
    explanation: 'The engine asked for is not installed or failed its self-test. The reason says which.',
  },
  E002: {
    exit: 6,
    title: 'the engine refuses a network',
    explanation: 'The network could not be compiled, or the model file uses operators that the engine does not have.',
  },
  E003: {
    exit: 6,
    title: 'the engine broke down',
    explanation:
      'Its thread ended while it computed: out of memory, or a fault in the native library. What was finished is kept.',
  },
});

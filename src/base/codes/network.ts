import { defineCodes } from './code.ts';

export const networkCodes = defineCodes({
  N001: {
    exit: 6,
    title: 'a download failed',
    explanation:
      'The server could not be reached, answered with an error, or broke off again and again. What had arrived is kept and the next attempt goes on from there.',
  },
  N002: {
    exit: 6,
    title: 'offline, and the file is not here',
    explanation:
      'The run is set to offline and a file that it needs was never fetched. The message says where it lies, its hash, and how to import it.',
  },
  N003: {
    exit: 6,
    title: 'a redirect was refused',
    explanation:
      'The address redirects from https to http, to something that is no web address, or more than five times.',
  },
  N004: {
    exit: 6,
    title: 'the server sent something else',
    explanation:
      'A web page (a login, a proxy, an error) or a file of another length came where the file was expected.',
  },
  N005: {
    exit: 6,
    title: 'a download stalled',
    explanation: 'No byte arrived for the time limit, several times in a row.',
  },
});
